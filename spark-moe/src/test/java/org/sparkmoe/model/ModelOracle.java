package org.sparkmoe.model;

import java.util.Map;
import java.util.function.IntPredicate;

/** A dense model on one sequence, in plain loops over doubles, from the models' papers. */
final class ModelOracle {
  private final ModelConfig config;
  private final Map<String, double[]> weights;

  ModelOracle(ModelConfig config, Map<String, double[]> weights) {
    this.config = config;
    this.weights = weights;
  }

  /** Negative log-likelihood, nats, of all tokens but the first. */
  double lossSum(long[] tokens) {
    return lossSum(tokens, place -> true);
  }

  /** The same of the tokens at the places that {@code targets} accepts. */
  double lossSum(long[] tokens, IntPredicate targets) {
    double[][] logits = logits(tokens);
    double sum = 0;
    for (int p = 0; p + 1 < tokens.length; p++) {
      double total = 0;
      for (double logit : logits[p]) {
        total += Math.exp(logit);
      }
      if (targets.test(p + 1)) {
        sum += Math.log(total) - logits[p][(int) tokens[p + 1]];
      }
    }
    return sum;
  }

  /** {@code [L][V]}. */
  double[][] logits(long[] tokens) {
    double[][] x = embed(tokens);
    for (int layer = 0; layer < config.layers(); layer++) {
      String name = "layers." + layer;
      add(x, attention(norm(x, name + ".attention_norm"), name + ".attention"));
      add(x, feedForward(norm(x, name + ".feed_forward_norm"), name + ".feed_forward"));
    }
    String head = config.tieEmbeddings() ? "embedding.token" : "head";
    return linear(norm(x, "final_norm"), head);
  }

  private double[][] embed(long[] tokens) {
    int m = config.hiddenSize();
    double[][] x = new double[tokens.length][m];
    for (int p = 0; p < tokens.length; p++) {
      for (int i = 0; i < m; i++) {
        x[p][i] = weights.get("embedding.token.weight")[(int) tokens[p] * m + i];
        if (config.architecture() == Architecture.GPT2) {
          x[p][i] += weights.get("embedding.position.weight")[p * m + i];
        }
      }
    }
    return x;
  }

  private double[][] norm(double[][] x, String name) {
    boolean centred = config.architecture() == Architecture.GPT2;
    double[] weight = weights.get(name + ".weight");
    double[][] y = new double[x.length][weight.length];
    for (int p = 0; p < x.length; p++) {
      double mean = 0;
      for (double value : x[p]) {
        mean += centred ? value / weight.length : 0;
      }
      double variance = 0;
      for (double value : x[p]) {
        variance += (value - mean) * (value - mean) / weight.length;
      }
      for (int i = 0; i < weight.length; i++) {
        double normed = (x[p][i] - mean) / Math.sqrt(variance + config.normEpsilon());
        y[p][i] = normed * weight[i] + (centred ? weights.get(name + ".bias")[i] : 0);
      }
    }
    return y;
  }

  private double[][] attention(double[][] x, String name) {
    int d = config.headWidth();
    int width = config.heads() * d;
    double[][] q;
    double[][] k;
    double[][] v;
    if (config.architecture() == Architecture.GPT2) {
      double[][] qkv = linear(x, name + ".qkv");
      q = columns(qkv, 0, width);
      k = columns(qkv, width, width);
      v = columns(qkv, 2 * width, width);
    } else {
      q = rotate(linear(x, name + ".query"));
      k = rotate(linear(x, name + ".key"));
      v = linear(x, name + ".value");
    }
    double[][] attended = new double[x.length][width];
    for (int head = 0; head < config.heads(); head++) {
      int shared = head / (config.heads() / config.keyValueHeads());
      for (int p = 0; p < x.length; p++) {
        double[] scores = new double[p + 1];
        double total = 0;
        for (int s = 0; s <= p; s++) {
          for (int i = 0; i < d; i++) {
            scores[s] += q[p][head * d + i] * k[s][shared * d + i] / Math.sqrt(d);
          }
          scores[s] = Math.exp(scores[s]);
          total += scores[s];
        }
        for (int s = 0; s <= p; s++) {
          for (int i = 0; i < d; i++) {
            attended[p][head * d + i] += scores[s] / total * v[s][shared * d + i];
          }
        }
      }
    }
    return linear(attended, name + ".output");
  }

  /** Turns the pair (i, i + D/2) of each head at position p by p·θ^(−2i/D). */
  private double[][] rotate(double[][] x) {
    int d = config.headWidth();
    double[][] y = new double[x.length][x[0].length];
    for (int p = 0; p < x.length; p++) {
      for (int first = 0; first < x[p].length; first += d) {
        for (int i = 0; i < d / 2; i++) {
          double angle = p * Math.pow(config.ropeTheta(), -2.0 * i / d);
          double a = x[p][first + i];
          double b = x[p][first + i + d / 2];
          y[p][first + i] = a * Math.cos(angle) - b * Math.sin(angle);
          y[p][first + i + d / 2] = a * Math.sin(angle) + b * Math.cos(angle);
        }
      }
    }
    return y;
  }

  private double[][] feedForward(double[][] x, String name) {
    double[][] hidden = linear(x, name + ".up");
    double[][] gate =
        config.architecture() == Architecture.GPT2 ? hidden : linear(x, name + ".gate");
    for (int p = 0; p < x.length; p++) {
      for (int i = 0; i < hidden[p].length; i++) {
        double u = hidden[p][i];
        double g = gate[p][i];
        hidden[p][i] =
            config.architecture() == Architecture.GPT2
                ? u / 2 * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (u + 0.044715 * u * u * u)))
                : u * g / (1 + Math.exp(-g));
      }
    }
    return linear(hidden, name + ".down");
  }

  private double[][] linear(double[][] x, String name) {
    double[] weight = weights.get(name + ".weight");
    double[] bias = weights.get(name + ".bias");
    int in = x[0].length;
    double[][] y = new double[x.length][weight.length / in];
    for (int p = 0; p < x.length; p++) {
      for (int o = 0; o < y[p].length; o++) {
        y[p][o] = bias == null ? 0 : bias[o];
        for (int i = 0; i < in; i++) {
          y[p][o] += x[p][i] * weight[o * in + i];
        }
      }
    }
    return y;
  }

  private static double[][] columns(double[][] x, int first, int count) {
    double[][] y = new double[x.length][count];
    for (int p = 0; p < x.length; p++) {
      System.arraycopy(x[p], first, y[p], 0, count);
    }
    return y;
  }

  private static void add(double[][] x, double[][] y) {
    for (int p = 0; p < x.length; p++) {
      for (int i = 0; i < x[p].length; i++) {
        x[p][i] += y[p][i];
      }
    }
  }
}
