/**
 * Decoder-only transformers with Mixture-of-Experts layers, as segments between communication
 * points.
 *
 * <pre>
 *   tokens [B, L+1] → Embedding → x [S, M] ─┬─ Norm → AllGather → Attention → ReduceScatter ─ + ┐
 *                                           └──────────────────────────────────────────────────┘
 *                                        ┬─ Norm → MoE layer, or AllGather → FeedForward → ReduceScatter ─ + ┐
 *                                        └────────────────────────────────────────────────────────────────┘
 *                                  (× layers) → Norm → OutputHead → lossSum
 * </pre>
 *
 * The residual stream x is shared out by tokens over the model-parallel group (Megatron's sequence
 * parallelism); collectives stand between segments and are recorded with their adjoints.
 */
@NullMarked
package org.sparkmoe.model;

import org.jspecify.annotations.NullMarked;
