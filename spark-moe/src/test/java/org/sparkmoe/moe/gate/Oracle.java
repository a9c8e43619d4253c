package org.sparkmoe.moe.gate;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import org.sparkmoe.moe.MoeConfig.Drop;

/** The formulas of the papers in plain loops, one token after the other. */
final class Oracle {
  private Oracle() {}

  static double[] softmax(double[] h) {
    double sum = 0;
    double[] p = new double[h.length];
    for (int e = 0; e < h.length; e++) {
      p[e] = Math.exp(h[e]);
      sum += p[e];
    }
    for (int e = 0; e < h.length; e++) {
      p[e] /= sum;
    }
    return p;
  }

  static double[][] softmax(double[][] h) {
    double[][] p = new double[h.length][];
    for (int s = 0; s < h.length; s++) {
      p[s] = softmax(h[s]);
    }
    return p;
  }

  static double sigmoid(double h) {
    return 1 / (1 + Math.exp(-h));
  }

  /** The k largest, ties to the lower index. */
  static int[] top(double[] scores, int k) {
    int[] best = new int[k];
    boolean[] used = new boolean[scores.length];
    for (int i = 0; i < k; i++) {
      best[i] = -1;
      for (int e = 0; e < scores.length; e++) {
        if (!used[e] && (best[i] < 0 || scores[e] > scores[best[i]])) {
          best[i] = e;
        }
      }
      used[best[i]] = true;
    }
    return best;
  }

  static int[][] top(double[][] scores, int k) {
    int[][] best = new int[scores.length][];
    for (int s = 0; s < scores.length; s++) {
      best[s] = top(scores[s], k);
    }
    return best;
  }

  static double[][] pick(double[][] values, int[][] chosen) {
    double[][] picked = new double[chosen.length][chosen[0].length];
    for (int s = 0; s < chosen.length; s++) {
      for (int k = 0; k < chosen[s].length; k++) {
        picked[s][k] = chosen[s][k] < 0 ? 0 : values[s][chosen[s][k]];
      }
    }
    return picked;
  }

  static double[][] divideBySum(double[][] rows) {
    double[][] divided = new double[rows.length][];
    for (int s = 0; s < rows.length; s++) {
      double sum = 0;
      for (double value : rows[s]) {
        sum += value;
      }
      divided[s] = new double[rows[s].length];
      for (int k = 0; k < rows[s].length; k++) {
        divided[s][k] = rows[s][k] / sum;
      }
    }
    return divided;
  }

  /** E·Σ_e (share of tokens that chose e)·(mean p_e). */
  static double balanceLoss(double[][] p, int[][] chosen) {
    int experts = p[0].length;
    double loss = 0;
    for (int e = 0; e < experts; e++) {
      double count = 0;
      double mean = 0;
      for (int s = 0; s < p.length; s++) {
        mean += p[s][e] / p.length;
        for (int choice : chosen[s]) {
          count += choice == e ? 1 : 0;
        }
      }
      loss += experts * count / p.length * mean;
    }
    return loss;
  }

  static double squaredVariation(double[] values) {
    double mean = 0;
    for (double value : values) {
      mean += value / values.length;
    }
    double variance = 0;
    for (double value : values) {
      variance += (value - mean) * (value - mean) / values.length;
    }
    return variance / (mean * mean + 1e-10);
  }

  /** One choice of one token. */
  private record Assignment(int token, int choice, int expert, double priority) {}

  /** What decides about places. */
  record Rules(int experts, int groupTokens, int limit, Drop drop, boolean choiceMajor) {}

  /** e·C + p of each assignment, -1 over capacity, with C = limit · groups. */
  static int[][] slots(int[][] chosen, double[][] priorities, Rules rules) {
    int groups = chosen.length / rules.groupTokens;
    int[][] slots = new int[chosen.length][chosen[0].length];
    for (int g = 0; g < groups; g++) {
      int[] used = new int[rules.experts];
      for (Assignment a : served(chosen, priorities, rules, g)) {
        int place = a.expert < 0 ? -1 : used[a.expert]++;
        boolean kept = place >= 0 && place < rules.limit;
        slots[a.token][a.choice] = kept ? (a.expert * groups + g) * rules.limit + place : -1;
      }
    }
    return slots;
  }

  private static List<Assignment> served(
      int[][] chosen, double[][] priorities, Rules rules, int group) {
    List<Assignment> all = new ArrayList<>();
    for (int s = group * rules.groupTokens; s < (group + 1) * rules.groupTokens; s++) {
      for (int k = 0; k < chosen[s].length; k++) {
        all.add(new Assignment(s, k, chosen[s][k], priorities[s][k]));
      }
    }
    Comparator<Assignment> order =
        rules.choiceMajor ? Comparator.comparing(Assignment::choice) : (a, b) -> 0;
    if (rules.drop == Drop.PROBABILITY) {
      order = Comparator.comparing(Assignment::priority).reversed();
    } else if (rules.drop == Drop.BATCH_PRIORITY) {
      order =
          order.thenComparing(
              Comparator.comparing((Assignment a) -> best(priorities[a.token])).reversed());
    }
    all.sort(order);
    return all;
  }

  private static double best(double[] row) {
    double best = Double.NEGATIVE_INFINITY;
    for (double value : row) {
      best = Math.max(best, value);
    }
    return best;
  }

  static int limit(double factor, int topK, int groupTokens, int experts) {
    return Math.min(
        groupTokens, Math.max(1, (int) Math.ceil(topK * factor * groupTokens / experts - 1e-9)));
  }
}
