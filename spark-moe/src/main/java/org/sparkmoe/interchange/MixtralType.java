package org.sparkmoe.interchange;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.sparkmoe.model.ModelConfig;
import org.sparkmoe.moe.MoeConfig;

/**
 * Mixtral, and Mistral, which is the same with one dense feed-forward in each block. Rotary
 * positions pair elements half a head apart on both sides, so that queries and keys stay as they
 * are.
 *
 * @param experts Mixtral, not Mistral
 */
record MixtralType(boolean experts) implements ModelType {
  static final String HEAD = "lm_head.weight";

  /** What transformers takes for a field that is missing; null says something else. */
  private static final int KEY_VALUE_HEADS = 8;

  private static final int MISTRAL_WINDOW = 4096;

  private static final String INVERSE_FREQUENCIES = ".self_attn.rotary_emb.inv_freq";

  @Override
  public String name() {
    return experts ? "mixtral" : "mistral";
  }

  @Override
  public String architecture() {
    return experts ? "MixtralForCausalLM" : "MistralForCausalLM";
  }

  @Override
  public Map<String, Object> settings(ConfigFields fields) {
    fields.requireOneOf("hidden_act", "silu", "swish");
    fields.require("attention_bias", false, false);
    int longest = fields.size("max_position_embeddings");
    refuseWindow(fields, longest);
    int heads = fields.size("num_attention_heads");
    int inner = fields.size("intermediate_size");
    Map<String, Object> settings = new LinkedHashMap<>();
    settings.put("model.architecture", "mixtral");
    settings.put("model.layers", fields.size("num_hidden_layers"));
    settings.put("model.hidden-size", fields.size("hidden_size"));
    settings.put("model.heads", heads);
    settings.put("model.kv-heads", keyValueHeads(fields, heads));
    settings.put("model.head-dim", headDim(fields, heads));
    settings.put("model.feed-forward-size", inner);
    settings.put("model.max-sequence-length", longest);
    settings.put("model.rope-theta", fields.ropeTheta(experts ? 1e6 : 1e4));
    settings.put("model.norm-epsilon", fields.number("rms_norm_eps", experts ? 1e-5 : 1e-6));
    settings.put("model.tie-embeddings", fields.flag("tie_word_embeddings", false));
    settings.put("model.init-std", fields.number("initializer_range", 0.02));
    settings.put("model.moe-layers", experts ? "all" : "none");
    if (experts) {
      settings.put("moe.experts", fields.size("num_local_experts", 8));
      settings.put("moe.top-k", fields.size("num_experts_per_tok", 2));
      settings.put("moe.hidden-size", inner);
      settings.put("moe.gate", "mixtral");
      settings.put("moe.expert", "mixtral");
      settings.put("moe.capacity-factor", "*");
      settings.put("moe.aux-loss", fields.number("router_aux_loss_coef", 0.001));
    }
    return settings;
  }

  private static int headDim(ConfigFields fields, int heads) {
    int width = fields.has("head_dim") ? fields.size("head_dim") : 0;
    return width * heads == fields.size("hidden_size") ? 0 : width;
  }

  private static int keyValueHeads(ConfigFields fields, int heads) {
    return fields.size(
        "num_key_value_heads", fields.isMissing("num_key_value_heads") ? KEY_VALUE_HEADS : heads);
  }

  /** A window that is as long as the longest sequence hides nothing. */
  private void refuseWindow(ConfigFields fields, int longest) {
    boolean byDefault = fields.isMissing("sliding_window") && !experts;
    boolean given = fields.has("sliding_window");
    int window = byDefault ? MISTRAL_WINDOW : given ? fields.size("sliding_window") : longest;
    if (window < longest) {
      fields.problem(
          "sliding_window",
          window + (byDefault ? ", Mistral's default" : ""),
          "null or at least max_position_embeddings = " + longest);
    }
  }

  @Override
  public Map<String, Object> fields(ModelConfig model, MoeConfig moe) {
    Map<String, Object> fields = new LinkedHashMap<>();
    fields.put("hidden_size", model.hiddenSize());
    fields.put("intermediate_size", experts ? moe.hiddenSize() : model.feedForwardSize());
    fields.put("num_hidden_layers", model.layers());
    fields.put("num_attention_heads", model.heads());
    fields.put("num_key_value_heads", model.keyValueHeads());
    fields.put("head_dim", model.headWidth());
    fields.put("hidden_act", "silu");
    fields.put("max_position_embeddings", model.maxSequenceLength());
    fields.put("rms_norm_eps", model.normEpsilon());
    fields.put("rope_theta", model.ropeTheta());
    fields.put("sliding_window", null);
    fields.put("attention_dropout", 0.0);
    if (experts) {
      fields.put("num_local_experts", moe.experts());
      fields.put("num_experts_per_tok", moe.topK());
      fields.put("output_router_logits", false);
      fields.put("router_aux_loss_coef", moe.auxLoss());
      fields.put("router_jitter_noise", 0.0);
    }
    return fields;
  }

  @Override
  public List<String> problems(ModelConfig model, MoeConfig moe) {
    List<String> problems = new ArrayList<>();
    if (experts) {
      check(
          problems,
          model.moeLayerCount() == model.layers(),
          "model.moe-layers",
          model.moeLayers(),
          "all (mixtral) or none (mistral): Hugging Face's types have one kind of block");
      check(problems, moe.gate().equals("mixtral"), "moe.gate", moe.gate(), "mixtral");
      check(problems, moe.expert().equals("mixtral"), "moe.expert", moe.expert(), "mixtral");
      check(problems, moe.sharedExperts() == 0, "moe.shared-experts", moe.sharedExperts(), "0");
    }
    return problems;
  }

  private static void check(
      List<String> problems, boolean valid, String key, Object value, String rule) {
    if (!valid) {
      problems.add("%s is \"%s\", must be %s".formatted(key, value, rule));
    }
  }

  @Override
  public List<Correspondence> tensors(ModelConfig model, MoeConfig moe, long vocabSize) {
    long m = model.hiddenSize();
    List<Correspondence> all = new ArrayList<>();
    all.add(
        Correspondence.same("embedding.token.weight", "model.embed_tokens.weight", vocabSize, m));
    for (int layer = 0; layer < model.layers(); layer++) {
      String ours = "layers." + layer;
      String theirs = "model.layers." + layer;
      addAttention(all, model, ours, theirs);
      all.add(
          Correspondence.same(
              ours + ".feed_forward_norm.weight", theirs + ".post_attention_layernorm.weight", m));
      if (experts) {
        addExperts(all, ours + ".moe", theirs + ".block_sparse_moe", moe, m);
      } else {
        addFeedForward(all, ours + ".feed_forward", theirs + ".mlp", model.feedForwardSize(), m);
      }
    }
    all.add(Correspondence.same("final_norm.weight", "model.norm.weight", m));
    if (!model.tieEmbeddings()) {
      all.add(Correspondence.same("head.weight", HEAD, vocabSize, m));
    }
    return all;
  }

  private static void addAttention(
      List<Correspondence> all, ModelConfig model, String ours, String theirs) {
    long m = model.hiddenSize();
    long width = (long) model.heads() * model.headWidth();
    long keyValueWidth = (long) model.keyValueHeads() * model.headWidth();
    String from = theirs + ".self_attn.";
    String to = ours + ".attention.";
    all.add(
        Correspondence.same(
            ours + ".attention_norm.weight", theirs + ".input_layernorm.weight", m));
    all.add(Correspondence.same(to + "query.weight", from + "q_proj.weight", width, m));
    all.add(Correspondence.same(to + "key.weight", from + "k_proj.weight", keyValueWidth, m));
    all.add(Correspondence.same(to + "value.weight", from + "v_proj.weight", keyValueWidth, m));
    all.add(Correspondence.same(to + "output.weight", from + "o_proj.weight", m, width));
  }

  private static void addExperts(
      List<Correspondence> all, String ours, String theirs, MoeConfig moe, long m) {
    long h = moe.hiddenSize();
    all.add(
        Correspondence.transposed(
            ours + ".gate.weight", theirs + ".gate.weight", m, moe.experts()));
    for (String matrix : List.of("w1", "w2", "w3")) {
      boolean back = matrix.equals("w2");
      List<String> names =
          IntStream.range(0, moe.experts())
              .mapToObj(e -> "%s.experts.%d.%s.weight".formatted(theirs, e, matrix))
              .toList();
      all.add(
          Correspondence.slices(ours + ".experts." + matrix, names, back ? h : m, back ? m : h));
    }
  }

  private static void addFeedForward(
      List<Correspondence> all, String ours, String theirs, long h, long m) {
    all.add(Correspondence.same(ours + ".gate.weight", theirs + ".gate_proj.weight", h, m));
    all.add(Correspondence.same(ours + ".up.weight", theirs + ".up_proj.weight", h, m));
    all.add(Correspondence.same(ours + ".down.weight", theirs + ".down_proj.weight", m, h));
  }

  @Override
  public boolean isDerived(String theirs) {
    return theirs.endsWith(INVERSE_FREQUENCIES);
  }
}
