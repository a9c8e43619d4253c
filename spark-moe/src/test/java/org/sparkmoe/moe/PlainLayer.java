package org.sparkmoe.moe;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;

/** The whole layer in plain loops, for gates whose second choice is not random. */
final class PlainLayer {
  private final MoeConfig config;
  private final Map<String, double[]> parameters;
  private final double[][] x;
  private final int width;

  PlainLayer(MoeConfig config, Map<String, double[]> parameters, double[] input, int width) {
    this.config = config;
    this.parameters = parameters;
    this.width = width;
    this.x = new double[input.length / width][];
    for (int s = 0; s < x.length; s++) {
      x[s] = Arrays.copyOfRange(input, s * width, (s + 1) * width);
    }
  }

  /** One choice of one token. */
  private record Assignment(int token, int choice, int expert, double probability, double weight) {}

  double[] output() {
    double[] output = new double[x.length * width];
    int group = (int) config.groupTokens(x.length);
    for (int first = 0; first < x.length; first += group) {
      List<Assignment> all = new ArrayList<>();
      for (int s = first; s < first + group; s++) {
        double[] p = probabilities(s);
        int[] best = top(p);
        double sum = 0;
        for (int e : best) {
          sum += p[e];
        }
        for (int k = 0; k < best.length; k++) {
          // Noisy top-k has no probabilities but those over the kept logits.
          double priority = config.gate().equals("noisy-top-k") ? p[best[k]] / sum : p[best[k]];
          all.add(new Assignment(s, k, best[k], priority, p[best[k]] / sum));
        }
      }
      List<Assignment> kept = keep(all, group);
      for (int s = first; s < first + group; s++) {
        add(output, s, kept);
      }
    }
    return output;
  }

  private List<Assignment> keep(List<Assignment> all, int group) {
    double share = config.topK() * config.factor() * group / config.experts();
    long limit = Math.max(config.minCapacity(), (long) Math.ceil(share - 1e-9));
    Comparator<Assignment> inTurn = Comparator.comparingInt(Assignment::token);
    if (config.gate().equals("gshard")) {
      inTurn = Comparator.comparingInt(Assignment::choice).thenComparingInt(Assignment::token);
    }
    List<Assignment> queue = new ArrayList<>(all);
    queue.sort(first(all, inTurn));
    int[] taken = new int[config.experts()];
    List<Assignment> kept = new ArrayList<>();
    for (Assignment assignment : queue) {
      if (taken[assignment.expert()]++ < limit) {
        kept.add(assignment);
      }
    }
    return kept;
  }

  private Comparator<Assignment> first(List<Assignment> all, Comparator<Assignment> inTurn) {
    double[] best = new double[x.length];
    for (Assignment a : all) {
      best[a.token()] = Math.max(best[a.token()], a.probability());
    }
    Comparator<Assignment> byProbability =
        Comparator.comparingDouble((Assignment a) -> -a.probability());
    return switch (config.drop()) {
      case POSITION -> inTurn;
      case PROBABILITY -> byProbability.thenComparing(inTurn);
      case BATCH_PRIORITY ->
          // All first choices before any second only where the gate says so.
          config.gate().equals("gshard")
              ? Comparator.comparingInt(Assignment::choice)
                  .thenComparingDouble(a -> -best[a.token()])
              : Comparator.comparingDouble((Assignment a) -> -best[a.token()])
                  .thenComparingInt(Assignment::choice);
    };
  }

  private void add(double[] output, int token, List<Assignment> kept) {
    double sum = 0;
    for (Assignment a : kept) {
      sum += a.token() == token ? a.probability() : 0;
    }
    for (Assignment a : kept) {
      if (a.token() == token) {
        double weight = config.gate().equals("gshard") ? a.probability() / sum : a.weight();
        double[] y = expert("experts", a.expert(), config.hiddenSize(), x[token]);
        for (int m = 0; m < width; m++) {
          output[token * width + m] += weight * y[m];
        }
      }
    }
    if (config.sharedExperts() > 0) {
      double[] y = expert("shared", 0, config.hiddenSize() * config.sharedExperts(), x[token]);
      for (int m = 0; m < width; m++) {
        output[token * width + m] += y[m];
      }
    }
  }

  private double[] probabilities(int token) {
    double[] weight = parameters.get("layers.0.moe.gate.weight");
    int experts = config.experts();
    double[] p = new double[experts];
    double sum = 0;
    for (int e = 0; e < experts; e++) {
      double h = 0;
      for (int m = 0; m < width; m++) {
        h += x[token][m] * weight[m * experts + e];
      }
      p[e] = Math.exp(h);
      sum += p[e];
    }
    for (int e = 0; e < experts; e++) {
      p[e] /= sum;
    }
    return p;
  }

  private int[] top(double[] p) {
    double[] left = p.clone();
    int[] chosen = new int[config.topK()];
    for (int k = 0; k < chosen.length; k++) {
      for (int e = 1; e < left.length; e++) {
        chosen[k] = left[e] > left[chosen[k]] ? e : chosen[k];
      }
      left[chosen[k]] = -1;
    }
    return chosen;
  }

  private double[] expert(String kind, int e, int hidden, double[] input) {
    double[] w1 = parameters.get("layers.0.moe." + kind + ".w1");
    double[] w2 = parameters.get("layers.0.moe." + kind + ".w2");
    boolean gpt = config.expert().equals("gpt");
    double[] inner = product(input, w1, e, hidden);
    for (int h = 0; h < hidden; h++) {
      if (gpt) {
        inner[h] = gelu(inner[h] + parameters.get("layers.0.moe." + kind + ".b1")[e * hidden + h]);
      } else {
        double up = product(input, parameters.get("layers.0.moe." + kind + ".w3"), e, hidden)[h];
        inner[h] = inner[h] / (1 + Math.exp(-inner[h])) * up;
      }
    }
    double[] output = product(inner, w2, e, width);
    for (int m = 0; gpt && m < width; m++) {
      output[m] += parameters.get("layers.0.moe." + kind + ".b2")[e * width + m];
    }
    return output;
  }

  private static double[] product(double[] row, double[] matrices, int e, int columns) {
    double[] result = new double[columns];
    for (int i = 0; i < row.length; i++) {
      for (int c = 0; c < columns; c++) {
        result[c] += row[i] * matrices[(e * row.length + i) * columns + c];
      }
    }
    return result;
  }

  private static double gelu(double v) {
    return 0.5 * v * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (v + 0.044715 * v * v * v)));
  }
}
