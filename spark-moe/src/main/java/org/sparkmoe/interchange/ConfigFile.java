package org.sparkmoe.interchange;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.sparkmoe.data.Tokenizer;
import org.sparkmoe.data.TokenizerJson;
import org.sparkmoe.data.TokenizerSpec;
import org.sparkmoe.runtime.RunConfig;
import org.sparkmoe.train.StoredType;
import org.sparkmoe.train.TensorSource;

/** The small files beside the weights. */
record ConfigFile(
    ModelType type, RunConfig run, TokenizerSpec spec, Map<String, TensorSource> tensors) {

  /** The fields of config.json. */
  Map<String, Object> config() {
    Map<String, Object> fields = new LinkedHashMap<>();
    fields.put("architectures", List.of(type.architecture()));
    fields.put("model_type", type.name());
    fields.putAll(type.fields(run.model(), run.moe()));
    fields.put("initializer_range", run.model().initStd());
    fields.put("tie_word_embeddings", run.model().tieEmbeddings());
    fields.put("torch_dtype", allBf16() ? "bfloat16" : "float32");
    fields.put("use_cache", true);
    try (Tokenizer tokenizer = spec.open()) {
      fields.put("vocab_size", tokenizer.vocabSize());
      fields.put("bos_token_id", tokenizer.endOfText());
      fields.put("eos_token_id", tokenizer.endOfText());
    }
    return fields;
  }

  private boolean allBf16() {
    return tensors.values().stream().allMatch(tensor -> tensor.type() == StoredType.BF16);
  }

  /** The fields of generation_config.json. */
  Map<String, Object> generation() {
    Map<String, Object> fields = new LinkedHashMap<>();
    fields.put("_from_model_config", true);
    try (Tokenizer tokenizer = spec.open()) {
      fields.put("bos_token_id", tokenizer.endOfText());
      fields.put("eos_token_id", tokenizer.endOfText());
    }
    return fields;
  }

  /** The fields of tokenizer_config.json. */
  Map<String, Object> tokenizer() {
    Map<String, Object> fields = new LinkedHashMap<>();
    fields.put("tokenizer_class", "PreTrainedTokenizerFast");
    fields.put("model_max_length", run.model().maxSequenceLength());
    fields.put("clean_up_tokenization_spaces", false);
    String end = TokenizerJson.endOfText(spec);
    fields.put("bos_token", end);
    fields.put("eos_token", end);
    return fields;
  }
}
