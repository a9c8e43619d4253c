/**
 * The training loop of one rank.
 *
 * <pre>
 * SequenceSpool ─ micro-batches ─► model.forward ─► tape.backward ─► ParameterStore (flat gradients)
 *                                                                        │ GradientReduction
 *   TrainingListener ◄─ metrics ─ AdamW ◄─ learning rate, clip factor ◄──┘ GradientNorm
 *                                   │
 *                          CheckpointWriter ─ boxes ─► safetensors shards + manifest ─► ModelDirectory
 * </pre>
 */
@NullMarked
package org.sparkmoe.train;

import org.jspecify.annotations.NullMarked;
