/**
 * Predicts when the tasks of a graph run, without running them, and shows timelines, predicted or
 * measured, as text, as a picture and as a trace.
 */
@NullMarked
package org.sparkmoe.schedule.sim;

import org.jspecify.annotations.NullMarked;
