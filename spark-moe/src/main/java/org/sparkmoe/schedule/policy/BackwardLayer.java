package org.sparkmoe.schedule.policy;

import java.util.List;

/**
 * One layer as backward meets it.
 *
 * @param options of its MoE layer, of which one is to be chosen
 * @param denseWindow milliseconds of all-reduce that the dense part hides
 * @param gradient elements that exist once its dense part is done
 */
record BackwardLayer(List<DegreeOption> options, double denseWindow, double gradient) {}
