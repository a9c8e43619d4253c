/**
 * The task graph: one immutable value that is printed, validated, simulated, drawn and executed.
 */
@NullMarked
package org.sparkmoe.schedule.graph;

import org.jspecify.annotations.NullMarked;
