package org.sparkmoe.interchange;

import java.util.Arrays;
import java.util.Map;

/** modeling_gpt2's forward pass. */
final class Gpt2Oracle extends HuggingFaceOracle {

  Gpt2Oracle(Map<String, PlainTensor> tensors) {
    super(tensors);
  }

  @Override
  double[][] logits(long[] tokens) {
    double[][] x = rows(weight("transformer.wte.weight"), tokens, TinyHuggingFace.M);
    long[] positions = new long[tokens.length];
    Arrays.setAll(positions, p -> p);
    add(x, rows(weight("transformer.wpe.weight"), positions, TinyHuggingFace.M));
    for (int layer = 0; layer < TinyHuggingFace.LAYERS; layer++) {
      String name = "transformer.h." + layer + ".";
      add(x, attention(each(x, t -> norm(t, name + "ln_1")), name + "attn."));
      add(x, each(x, t -> feedForward(norm(t, name + "ln_2"), name + "mlp.")));
    }
    return each(x, t -> linear(norm(t, "transformer.ln_f"), weight("transformer.wte.weight")));
  }

  private double[] norm(double[] x, String name) {
    double mean = Arrays.stream(x).average().orElseThrow();
    double variance =
        Arrays.stream(x).map(value -> (value - mean) * (value - mean)).average().orElseThrow();
    double[] y = new double[x.length];
    for (int i = 0; i < x.length; i++) {
      double normed = (x[i] - mean) / Math.sqrt(variance + TinyHuggingFace.EPSILON);
      y[i] = normed * weight(name + ".weight")[i] + weight(name + ".bias")[i];
    }
    return y;
  }

  /** x·W + b with W of {@code [in, out]}. */
  private double[] conv1d(double[] x, String name) {
    double[] y = weight(name + ".bias").clone();
    for (int o = 0; o < y.length; o++) {
      for (int i = 0; i < x.length; i++) {
        y[o] += x[i] * weight(name + ".weight")[i * y.length + o];
      }
    }
    return y;
  }

  private double[][] attention(double[][] x, String name) {
    int m = TinyHuggingFace.M;
    double[][] all = each(x, t -> conv1d(t, name + "c_attn"));
    double[][] q = each(all, t -> Arrays.copyOfRange(t, 0, m));
    double[][] k = each(all, t -> Arrays.copyOfRange(t, m, 2 * m));
    double[][] v = each(all, t -> Arrays.copyOfRange(t, 2 * m, 3 * m));
    double[][] heads = new double[x.length][m];
    for (int head = 0; head < TinyHuggingFace.HEADS; head++) {
      int column = head * TinyHuggingFace.D;
      attend(q, k, v, new int[] {column, column}, heads);
    }
    return each(heads, t -> conv1d(t, name + "c_proj"));
  }

  private double[] feedForward(double[] x, String name) {
    double[] inner = conv1d(x, name + "c_fc");
    for (int i = 0; i < inner.length; i++) {
      double z = inner[i];
      double bent = Math.sqrt(2 / Math.PI) * (z + 0.044715 * z * z * z);
      inner[i] = 0.5 * z * (1 + Math.tanh(bent));
    }
    return conv1d(inner, name + "c_proj");
  }
}
