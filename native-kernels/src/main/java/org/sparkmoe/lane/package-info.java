/**
 * Where tasks run side by side: a {@link org.sparkmoe.lane.Lane} runs its tasks in issue order, an
 * {@link org.sparkmoe.lane.Event} tells when one of them is complete.
 */
@NullMarked
package org.sparkmoe.lane;

import org.jspecify.annotations.NullMarked;
