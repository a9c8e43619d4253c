package org.sparkmoe.interchange;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import org.sparkmoe.model.ModelConfig;
import org.sparkmoe.moe.MoeConfig;

/**
 * GPT-2. Its weights are stored {@code [in, out]} (Conv1D), and queries, keys and values side by
 * side in {@code c_attn}.
 *
 * @param prefix of the names: files made from {@code GPT2Model} have none
 */
record Gpt2Type(String prefix) implements ModelType {
  static final String PREFIX = "transformer.";

  private static final Pattern MASK = Pattern.compile(".*h\\.\\d+\\.attn\\.(bias|masked_bias)");
  private static final int DEFAULT_EXPANSION = 4;

  @Override
  public String name() {
    return "gpt2";
  }

  @Override
  public String architecture() {
    return "GPT2LMHeadModel";
  }

  @Override
  public Map<String, Object> settings(ConfigFields fields) {
    fields.requireOneOf("activation_function", "gelu_new", "gelu_pytorch_tanh");
    fields.require("scale_attn_weights", true, true);
    fields.require("scale_attn_by_inverse_layer_idx", false, false);
    fields.require("add_cross_attention", false, false);
    int width = fields.size("n_embd");
    Map<String, Object> settings = new LinkedHashMap<>();
    settings.put("model.architecture", "gpt2");
    settings.put("model.layers", fields.size("n_layer"));
    settings.put("model.hidden-size", width);
    settings.put("model.heads", fields.size("n_head"));
    settings.put("model.feed-forward-size", fields.size("n_inner", DEFAULT_EXPANSION * width));
    settings.put("model.max-sequence-length", fields.size("n_positions"));
    settings.put("model.norm-epsilon", fields.number("layer_norm_epsilon", 1e-5));
    settings.put("model.tie-embeddings", fields.flag("tie_word_embeddings", true));
    settings.put("model.init-std", fields.number("initializer_range", 0.02));
    settings.put("model.moe-layers", "none");
    return settings;
  }

  @Override
  public Map<String, Object> fields(ModelConfig model, MoeConfig moe) {
    Map<String, Object> fields = new LinkedHashMap<>();
    fields.put("n_positions", model.maxSequenceLength());
    fields.put("n_ctx", model.maxSequenceLength());
    fields.put("n_embd", model.hiddenSize());
    fields.put("n_layer", model.layers());
    fields.put("n_head", model.heads());
    fields.put("n_inner", model.feedForwardSize());
    fields.put("activation_function", "gelu_new");
    fields.put("layer_norm_epsilon", model.normEpsilon());
    fields.put("scale_attn_weights", true);
    fields.put("scale_attn_by_inverse_layer_idx", false);
    fields.put("reorder_and_upcast_attn", false);
    fields.put("add_cross_attention", false);
    for (String dropout : List.of("attn_pdrop", "embd_pdrop", "resid_pdrop")) {
      fields.put(dropout, 0.0);
    }
    return fields;
  }

  @Override
  public List<String> problems(ModelConfig model, MoeConfig moe) {
    List<String> problems = new ArrayList<>();
    if (model.moeLayerCount() > 0) {
      problems.add(
          ("model.moe-layers is \"%s\", must be none: Hugging Face's GPT-2 has no experts, as in the"
                  + " tensor layers.%d.moe.gate.weight")
              .formatted(model.moeLayers(), firstMoe(model)));
    }
    if (model.headWidth() * model.heads() != model.hiddenSize()) {
      problems.add(
          "model.head-dim is %d, must be model.hidden-size / model.heads in Hugging Face's GPT-2"
              .formatted(model.headDim()));
    }
    return problems;
  }

  private static int firstMoe(ModelConfig model) {
    int layer = 0;
    while (!model.isMoe(layer)) {
      layer++;
    }
    return layer;
  }

  @Override
  public List<Correspondence> tensors(ModelConfig model, MoeConfig moe, long vocabSize) {
    long m = model.hiddenSize();
    List<Correspondence> all = new ArrayList<>();
    all.add(Correspondence.same("embedding.token.weight", prefix + GPT2_TOKEN, vocabSize, m));
    all.add(
        Correspondence.same(
            "embedding.position.weight", prefix + "wpe.weight", model.maxSequenceLength(), m));
    for (int layer = 0; layer < model.layers(); layer++) {
      addBlock(all, model, "layers." + layer, prefix + "h." + layer);
    }
    addNorm(all, "final_norm", prefix + "ln_f", m);
    if (!model.tieEmbeddings()) {
      all.add(Correspondence.same("head.weight", MixtralType.HEAD, vocabSize, m));
    }
    return all;
  }

  private static void addBlock(
      List<Correspondence> all, ModelConfig model, String ours, String theirs) {
    long m = model.hiddenSize();
    long h = model.feedForwardSize();
    addNorm(all, ours + ".attention_norm", theirs + ".ln_1", m);
    all.add(
        new Correspondence(
            ours + ".attention.qkv.weight",
            new long[] {3, m, m},
            List.of(theirs + ".attn.c_attn.weight"),
            new long[] {m, 3 * m},
            true));
    all.add(
        new Correspondence(
            ours + ".attention.qkv.bias",
            new long[] {3, m},
            List.of(theirs + ".attn.c_attn.bias"),
            new long[] {3 * m},
            false));
    addLinear(all, ours + ".attention.output", theirs + ".attn.c_proj", m, m);
    addNorm(all, ours + ".feed_forward_norm", theirs + ".ln_2", m);
    addLinear(all, ours + ".feed_forward.up", theirs + ".mlp.c_fc", h, m);
    addLinear(all, ours + ".feed_forward.down", theirs + ".mlp.c_proj", m, h);
  }

  private static void addNorm(List<Correspondence> all, String ours, String theirs, long m) {
    all.add(Correspondence.same(ours + ".weight", theirs + ".weight", m));
    all.add(Correspondence.same(ours + ".bias", theirs + ".bias", m));
  }

  private static void addLinear(
      List<Correspondence> all, String ours, String theirs, long outputs, long inputs) {
    all.add(Correspondence.transposed(ours + ".weight", theirs + ".weight", outputs, inputs));
    all.add(Correspondence.same(ours + ".bias", theirs + ".bias", outputs));
  }

  @Override
  public boolean isDerived(String theirs) {
    return MASK.matcher(theirs).matches();
  }
}
