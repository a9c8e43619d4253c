package org.sparkmoe.interchange;

import java.util.Map;

/** modeling_mixtral's (and, without experts, modeling_mistral's) forward pass. */
final class MixtralOracle extends HuggingFaceOracle {
  private final boolean experts;

  MixtralOracle(Map<String, PlainTensor> tensors, boolean experts) {
    super(tensors);
    this.experts = experts;
  }

  @Override
  double[][] logits(long[] tokens) {
    double[][] x = rows(weight("model.embed_tokens.weight"), tokens, TinyHuggingFace.M);
    for (int layer = 0; layer < TinyHuggingFace.LAYERS; layer++) {
      String name = "model.layers." + layer + ".";
      add(x, attention(each(x, t -> rms(t, name + "input_layernorm")), name + "self_attn."));
      double[][] normed = each(x, t -> rms(t, name + "post_attention_layernorm"));
      add(
          x,
          each(
              normed,
              t ->
                  experts
                      ? moe(t, name + "block_sparse_moe.")
                      : swiGlu(
                          t,
                          name + "mlp.gate_proj",
                          name + "mlp.down_proj",
                          name + "mlp.up_proj")));
    }
    return each(x, t -> linear(rms(t, "model.norm"), weight("lm_head.weight")));
  }

  private double[] rms(double[] x, String name) {
    double square = 0;
    for (double value : x) {
      square += value * value / x.length;
    }
    double[] y = new double[x.length];
    for (int i = 0; i < x.length; i++) {
      y[i] = weight(name + ".weight")[i] * x[i] / Math.sqrt(square + TinyHuggingFace.EPSILON);
    }
    return y;
  }

  private double[][] attention(double[][] x, String name) {
    double[][] q = rotated(each(x, t -> linear(t, weight(name + "q_proj.weight"))));
    double[][] k = rotated(each(x, t -> linear(t, weight(name + "k_proj.weight"))));
    double[][] v = each(x, t -> linear(t, weight(name + "v_proj.weight")));
    double[][] heads = new double[x.length][TinyHuggingFace.HEADS * TinyHuggingFace.D];
    int shared = TinyHuggingFace.HEADS / TinyHuggingFace.KEY_VALUE_HEADS;
    for (int head = 0; head < TinyHuggingFace.HEADS; head++) {
      int d = TinyHuggingFace.D;
      attend(q, k, v, new int[] {head * d, head / shared * d}, heads);
    }
    return each(heads, t -> linear(t, weight(name + "o_proj.weight")));
  }

  /** q·cos + rotate_half(q)·sin, where rotate_half of (a, b) is (-b, a). */
  private static double[][] rotated(double[][] x) {
    int d = TinyHuggingFace.D;
    double[][] y = new double[x.length][x[0].length];
    for (int p = 0; p < x.length; p++) {
      for (int i = 0; i < x[p].length; i++) {
        int inHead = i % d;
        double angle = p / Math.pow(TinyHuggingFace.THETA, 2.0 * (inHead % (d / 2)) / d);
        double half = inHead < d / 2 ? -x[p][i + d / 2] : x[p][i - d / 2];
        y[p][i] = x[p][i] * Math.cos(angle) + half * Math.sin(angle);
      }
    }
    return y;
  }

  private double[] moe(double[] x, String name) {
    double[] probabilities =
        softmax(linear(x, weight(name + "gate.weight")), TinyHuggingFace.EXPERTS);
    int first = largest(probabilities, -1);
    int second = largest(probabilities, first);
    double sum = probabilities[first] + probabilities[second];
    double[] y = new double[x.length];
    for (int expert : new int[] {first, second}) {
      String of = name + "experts." + expert + ".";
      double[] output = swiGlu(x, of + "w1", of + "w2", of + "w3");
      for (int i = 0; i < y.length; i++) {
        y[i] += probabilities[expert] / sum * output[i];
      }
    }
    return y;
  }

  private static int largest(double[] values, int except) {
    int best = -1;
    for (int i = 0; i < values.length; i++) {
      if (i != except && (best < 0 || values[i] > values[best])) {
        best = i;
      }
    }
    return best;
  }

  private double[] swiGlu(double[] x, String gate, String down, String up) {
    double[] gated = linear(x, weight(gate + ".weight"));
    double[] upper = linear(x, weight(up + ".weight"));
    for (int i = 0; i < gated.length; i++) {
      gated[i] = gated[i] / (1 + Math.exp(-gated[i])) * upper[i];
    }
    return linear(gated, weight(down + ".weight"));
  }
}
