/** The notebooks that lie in the repository's folder {@code notebooks}, run cell by cell. */
@NullMarked
package org.sparkmoe.notebook;

import org.jspecify.annotations.NullMarked;
