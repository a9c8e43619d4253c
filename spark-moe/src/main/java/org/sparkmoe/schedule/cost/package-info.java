/**
 * What work costs: α-β models, their fit from measurements, the workloads of a layer, and the
 * paper's two testbeds. Times are milliseconds.
 */
@NullMarked
package org.sparkmoe.schedule.cost;

import org.jspecify.annotations.NullMarked;
