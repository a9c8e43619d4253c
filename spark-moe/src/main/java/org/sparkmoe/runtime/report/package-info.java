/** What a run looks like: plots of its training log and a report of one HTML file. */
@NullMarked
package org.sparkmoe.runtime.report;

import org.jspecify.annotations.NullMarked;
