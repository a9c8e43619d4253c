/**
 * Runs the step graphs of every policy over links of one machine and compares what was predicted
 * with what was measured. {@code benchmarks/testbed/run} starts it: nodes are network namespaces
 * ({@code benchmarks/testbed/testbed} makes them) or emulated.
 *
 * <pre>
 * TestbedRank      a process ─ DirectoryRendezvous ─→ RankGroups over Gloo ──────────────┐
 * EmulatedTestbed  threads ─ EmulatedCluster, EmulatedLinks ─→ RankGroups in one process ┤
 *                                                                                        ▼
 * Race
 *   ├─ LinkProfile    α-β models and interference, measured on those very groups
 *   ├─ LayerChoice    layers that fall in all four cases under those models
 *   └─ PolicyRace     every policy on every layer, interleaved ─→ TestbedReport, in Markdown
 *            └─ WorkloadBodies   real collectives and matrix products for a graph's tasks
 * </pre>
 */
@NullMarked
package org.sparkmoe.benchmarks.testbed;

import org.jspecify.annotations.NullMarked;
