/**
 * Runs the step graphs of every policy over real links on one machine and compares what was
 * predicted with what was measured. {@code benchmarks/testbed/testbed} makes the nodes.
 *
 * <pre>
 * TestbedRank ─ DirectoryRendezvous ─→ RankGroups over Gloo
 *      │
 *      ├─ LinkProfile    α-β models and interference, measured on those very groups
 *      ├─ LayerChoice    layers that fall in all four cases under those models
 *      └─ PolicyRace     every policy on every layer, interleaved ─→ Markdown table
 *               └─ WorkloadBodies   real collectives and matrix products for a graph's tasks
 * </pre>
 */
@NullMarked
package org.sparkmoe.benchmarks.testbed;

import org.jspecify.annotations.NullMarked;
