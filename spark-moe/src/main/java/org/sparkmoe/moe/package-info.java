/**
 * The Mixture-of-Experts layer (paper §2.2, §3.1): six replaceable sub-modules and six hooks.
 *
 * <pre>
 *   tokens [S, M]
 *     │ BEFORE_MOE_START
 *     ├──► Gate ──► Routing: slots and weights, auxiliary losses
 *     ▼
 *   Order [E, C, M]                            C = places of an expert for this rank's tokens
 *     ┊ chunk j of r: places jC/r to (j+1)C/r of every expert
 *     ▼ BEFORE_DISPATCH
 *   dispatch.j        AlltoAll over EP         [N_EP, El, C/r, M]
 *     ▼ AFTER_DISPATCH
 *   all_gather.j      AllGather over ESP       [N_ESP, N_EP, El, C/r, M]
 *   expert.j          El experts, H/N_ESP      rows (place, ESP, EP) of [El, R, M]
 *   reduce_scatter.j  ReduceScatter over ESP   [N_EP, El, C/r, M]
 *     ▼ BEFORE_COMBINE
 *   combine.j         AlltoAll over EP         [E, C/r, M]
 *     ▼ AFTER_COMBINE
 *   Inverse order [S, M]
 *     ▼ BEFORE_MOE_END
 *   output [S, M]
 * </pre>
 *
 * If no token is dropped, only tokens travel: the buffer is {@code [1, R, M]}, the n rows of one
 * expert after those of the other, and chunk j is rows n·j/r to n·(j+1)/r of every expert. R is a
 * bound: rows at the end may be unused.
 *
 * <p>Backward runs the same five tasks a chunk, each the adjoint of its mirror image. Letters are
 * those of the paper: S tokens of a rank, M model width, E experts, El experts of a rank, k experts
 * of a token, C capacity, H hidden size, r pipeline degree.
 */
@NullMarked
package org.sparkmoe.moe;

import org.jspecify.annotations.NullMarked;
