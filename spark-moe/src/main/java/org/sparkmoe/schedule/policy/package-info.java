/**
 * Schedules as pure functions from layer workloads and cost models to task graphs.
 *
 * <pre>
 * LayerWorkload, CostModels
 *      │
 *      ├─ MoeTimes        time of a MoE layer by degree r and all-reduce slice
 *      │     ├─ PipelineDegree      best r (paper §4)
 *      │     └─ GradientPartitioner gradient slices (paper §5)
 *      ▼
 * BlockPolicy ─ LayerGraphs ─→ StepPlan (forward graph, backward graph)
 * BestPolicy ─ FlowGraphs, ListScheduler ─→ StepPlan
 * </pre>
 */
@NullMarked
package org.sparkmoe.schedule.policy;

import org.jspecify.annotations.NullMarked;
