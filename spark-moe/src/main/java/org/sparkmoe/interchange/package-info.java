/**
 * Models from and to Hugging Face's layouts, tensor by tensor.
 *
 * <pre>
 *  config.json ──────── ModelType ──────► config.conf           (settings; what cannot be said)
 *  shards, index ─ HuggingFaceWeights ─┐
 *                                      ├─ Correspondence ─► SourceModel ─► Upcycling ─► ModelDirectory
 *  ModelType.tensors ──────────────────┘                        │
 *  tokenizer.json ───── TokenizerJson                           └─ Correspondence ─► HuggingFaceWriter
 * </pre>
 */
@NullMarked
package org.sparkmoe.interchange;

import org.jspecify.annotations.NullMarked;
