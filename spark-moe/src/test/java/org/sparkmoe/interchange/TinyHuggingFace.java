package org.sparkmoe.interchange;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Random;
import org.sparkmoe.data.TokenizerJson;
import org.sparkmoe.data.TokenizerSpec;

/** Directories as transformers writes them, of very small models with random weights. */
public final class TinyHuggingFace {
  static final int V = 257;
  static final int M = 16;
  static final int LAYERS = 2;
  static final int HEADS = 4;
  static final int KEY_VALUE_HEADS = 2;
  static final int D = M / HEADS;
  static final int H = 12;
  static final int POSITIONS = 32;
  static final int EXPERTS = 4;
  static final int TOP_K = 2;
  static final double THETA = 100;
  static final double EPSILON = 1e-5;

  static final String MIXTRAL_CONFIG =
      """
      {"architectures": ["MixtralForCausalLM"], "model_type": "mixtral", "vocab_size": 257,
       "hidden_size": 16, "intermediate_size": 12, "num_hidden_layers": 2,
       "num_attention_heads": 4, "num_key_value_heads": 2, "hidden_act": "silu",
       "max_position_embeddings": 32, "rms_norm_eps": 1e-05, "rope_theta": 100.0,
       "sliding_window": null, "tie_word_embeddings": false, "num_local_experts": 4,
       "num_experts_per_tok": 2, "router_aux_loss_coef": 0.02, "initializer_range": 0.02}
      """;

  static final String GPT2_CONFIG =
      """
      {"architectures": ["GPT2LMHeadModel"], "model_type": "gpt2", "vocab_size": 257,
       "n_positions": 32, "n_embd": 16, "n_layer": 2, "n_head": 4, "n_inner": 12,
       "activation_function": "gelu_new", "layer_norm_epsilon": 1e-05, "resid_pdrop": 0.1}
      """;

  private final Random random = new Random(5);
  private final Map<String, PlainTensor> tensors = new LinkedHashMap<>();
  private final String dtype;

  private TinyHuggingFace(String dtype) {
    this.dtype = dtype;
  }

  /** A Mixtral of 4 experts, weights of the type F32, BF16 or F16. */
  public static void mixtral(Path directory, String dtype) throws IOException {
    TinyHuggingFace model = new TinyHuggingFace(dtype);
    model.mistralTensors(true);
    model.write(directory, MIXTRAL_CONFIG);
  }

  /** The dense one. */
  static void mistral(Path directory) throws IOException {
    TinyHuggingFace model = new TinyHuggingFace("F32");
    model.mistralTensors(false);
    model.write(directory, MIXTRAL_CONFIG.replace("mixtral", "mistral"));
  }

  /** A GPT-2, tied. */
  static void gpt2(Path directory, String dtype) throws IOException {
    TinyHuggingFace model = new TinyHuggingFace(dtype);
    model.gpt2Tensors();
    model.write(directory, GPT2_CONFIG);
  }

  private void write(Path directory, String config) throws IOException {
    Files.createDirectories(directory);
    Files.writeString(directory.resolve("config.json"), config);
    Files.writeString(
        directory.resolve("tokenizer.json"), TokenizerJson.of(new TokenizerSpec("byte", "")));
    PlainFiles.write(directory.resolve("model.safetensors"), tensors);
  }

  private void mistralTensors(boolean experts) {
    add("model.embed_tokens.weight", 0, V, M);
    for (int layer = 0; layer < LAYERS; layer++) {
      String name = "model.layers." + layer + ".";
      add(name + "input_layernorm.weight", 1, M);
      add(name + "self_attn.q_proj.weight", 0, HEADS * D, M);
      add(name + "self_attn.k_proj.weight", 0, KEY_VALUE_HEADS * D, M);
      add(name + "self_attn.v_proj.weight", 0, KEY_VALUE_HEADS * D, M);
      add(name + "self_attn.o_proj.weight", 0, M, HEADS * D);
      add(name + "post_attention_layernorm.weight", 1, M);
      if (experts) {
        add(name + "block_sparse_moe.gate.weight", 0, EXPERTS, M);
        for (int e = 0; e < EXPERTS; e++) {
          String expert = name + "block_sparse_moe.experts." + e;
          add(expert + ".w1.weight", 0, H, M);
          add(expert + ".w2.weight", 0, M, H);
          add(expert + ".w3.weight", 0, H, M);
        }
      } else {
        add(name + "mlp.gate_proj.weight", 0, H, M);
        add(name + "mlp.up_proj.weight", 0, H, M);
        add(name + "mlp.down_proj.weight", 0, M, H);
      }
    }
    add("model.norm.weight", 1, M);
    add("lm_head.weight", 0, V, M);
  }

  private void gpt2Tensors() {
    add("transformer.wte.weight", 0, V, M);
    add("transformer.wpe.weight", 0, POSITIONS, M);
    for (int layer = 0; layer < LAYERS; layer++) {
      String name = "transformer.h." + layer + ".";
      addBoth(name + "ln_1", 1, M);
      addBoth(name + "attn.c_attn", 0, M, 3 * M);
      addBoth(name + "attn.c_proj", 0, M, M);
      addBoth(name + "ln_2", 1, M);
      addBoth(name + "mlp.c_fc", 0, M, H);
      addBoth(name + "mlp.c_proj", 0, H, M);
    }
    addBoth("transformer.ln_f", 1, M);
  }

  private void addBoth(String name, double mean, long... shape) {
    add(name + ".weight", mean, shape);
    add(name + ".bias", 0, shape[shape.length - 1]);
  }

  private void add(String name, double mean, long... shape) {
    double[] values = new double[(int) Arrays.stream(shape).reduce(1, (a, b) -> a * b)];
    Arrays.setAll(values, i -> mean + 0.4 * random.nextGaussian());
    tensors.put(name, PlainTensor.of(dtype, shape, values));
  }
}
