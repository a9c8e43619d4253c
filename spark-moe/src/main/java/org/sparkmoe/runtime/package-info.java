/**
 * Training as a Spark barrier stage, one task for each rank.
 *
 * <pre>
 *   driver                                     executors
 *   RunConfig ─ Preflight
 *       │
 *   PreparedData ─ Sharding ─ shuffle ───────► RankTask: load spools, join, train, close or abort
 *       │                                          │
 *   BarrierStage ◄─ StageMonitor ◄─ RankChannel ◄──┘ progress and failures, over Spark's own RPC
 * </pre>
 */
@NullMarked
package org.sparkmoe.runtime;

import org.jspecify.annotations.NullMarked;
