package org.sparkmoe.interchange;

import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;

/**
 * The forward pass of transformers' models in plain loops over doubles, from their formulas, by the
 * names and shapes of Hugging Face's tensors. Sizes are those of {@link TinyHuggingFace}.
 */
abstract class HuggingFaceOracle {
  private final Map<String, double[]> weights = new HashMap<>();

  HuggingFaceOracle(Map<String, PlainTensor> tensors) {
    tensors.forEach((name, tensor) -> weights.put(name, tensor.values()));
  }

  /** {@code [L][V]}. */
  abstract double[][] logits(long[] tokens);

  final double[] weight(String name) {
    double[] weight = weights.get(name);
    if (weight == null) {
      throw new AssertionError("the oracle has no tensor " + name);
    }
    return weight;
  }

  static void add(double[][] sum, double[][] more) {
    for (int p = 0; p < sum.length; p++) {
      for (int i = 0; i < sum[p].length; i++) {
        sum[p][i] += more[p][i];
      }
    }
  }

  /** nn.Linear without bias: the weight is {@code [out, in]}. */
  static double[] linear(double[] x, double[] weight) {
    double[] y = new double[weight.length / x.length];
    for (int o = 0; o < y.length; o++) {
      for (int i = 0; i < x.length; i++) {
        y[o] += weight[o * x.length + i] * x[i];
      }
    }
    return y;
  }

  final double[][] rows(double[] flat, long[] indices, int width) {
    double[][] rows = new double[indices.length][];
    for (int p = 0; p < indices.length; p++) {
      int from = (int) indices[p] * width;
      rows[p] = Arrays.copyOfRange(flat, from, from + width);
    }
    return rows;
  }

  static double[] softmax(double[] x, int count) {
    double sum = 0;
    double[] y = new double[count];
    for (int i = 0; i < count; i++) {
      y[i] = Math.exp(x[i]);
      sum += y[i];
    }
    for (int i = 0; i < count; i++) {
      y[i] /= sum;
    }
    return y;
  }

  /** Causal attention of one head over rows of width d, starting at given columns. */
  static void attend(double[][] q, double[][] k, double[][] v, int[] columns, double[][] into) {
    int d = TinyHuggingFace.D;
    for (int p = 0; p < q.length; p++) {
      double[] scores = new double[p + 1];
      for (int s = 0; s <= p; s++) {
        for (int i = 0; i < d; i++) {
          scores[s] += q[p][columns[0] + i] * k[s][columns[1] + i] / Math.sqrt(d);
        }
      }
      double[] probabilities = softmax(scores, p + 1);
      for (int s = 0; s <= p; s++) {
        for (int i = 0; i < d; i++) {
          into[p][columns[0] + i] += probabilities[s] * v[s][columns[1] + i];
        }
      }
    }
  }

  static double[][] each(double[][] x, java.util.function.UnaryOperator<double[]> body) {
    return Arrays.stream(x).map(body).toArray(double[][]::new);
  }
}
