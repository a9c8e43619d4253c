/**
 * Training and scoring as stages of Spark ML.
 *
 * <pre>
 *   Dataset ─ TextNormalizer ─ ExactDeduplicator ─ MoeLanguageModelTrainer.fit ─► MoeLanguageModel
 *                                                        │                              │
 *                            ConfigKey: Params over      └► TrainingRun ─► model ──────►│ transform:
 *                            the configuration                             directory      a score a row
 *                                                                                       ▼
 *                                                                         PerplexityEvaluator
 * </pre>
 */
@NullMarked
package org.sparkmoe.ml;

import org.jspecify.annotations.NullMarked;
