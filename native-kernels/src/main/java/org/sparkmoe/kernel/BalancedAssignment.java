package org.sparkmoe.kernel;

import java.util.Arrays;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.sparkmoe.tensor.DeviceMemory;
import org.sparkmoe.tensor.HostReads;

/**
 * Gives each token one expert so that the sum of scores is the largest at which no expert gets more
 * than ceil(n/E) of n tokens (BASE layers, §2.1), by an auction (Bertsekas).
 *
 * <p>Tokens bid in turn. An expert has as many places as it may get tokens; its price is the lowest
 * bid that holds one of them. A token without place bids for the expert of the best value (score
 * less price) as much as it can until that is ε worse than the second best, and puts the holder of
 * the lowest bid out. When all have a place the sum is at most n·ε below the best. Because a token
 * compares experts and not places, equal places cause no bidding war; ε falls from round to round
 * for the same reason, and prices are handed on. Tokens of score 0 fill what is left over.
 *
 * <p>No randomness: the same scores give the same assignment. Ties go to the lower expert.
 */
final class BalancedAssignment {
  /** Of the range of scores: how far from the best the last round may be, per token. */
  private static final double PRECISION = 1e-3;

  private static final double FIRST_PRECISION = 0.25;
  private static final double FALL = 16;

  private final double[] scores;
  private final int first;
  private final int tokens;
  private final int experts;
  private final int places;
  private final double[] bids;
  private final int[] holders;

  private BalancedAssignment(double[] scores, int firstToken, int tokens, int experts) {
    this.scores = scores;
    this.first = firstToken;
    this.tokens = tokens;
    this.experts = experts;
    this.places = (tokens + experts - 1) / experts;
    this.bids = new double[experts * places];
    this.holders = new int[experts * places];
  }

  /**
   * The expert of each token, balanced within each group of consecutive tokens.
   *
   * @param scoresSE {@code [S, E]} floating; a NaN counts as the largest score
   * @param groupTokens n, divides S
   * @return {@code [S, 1]} i64
   */
  static Tensor of(Tensor scoresSE, long groupTokens) {
    int experts = Math.toIntExact(scoresSE.size(1));
    int group = Math.toIntExact(groupTokens);
    double[] scores = finite(HostReads.doubles(scoresSE));
    long[] chosen = new long[scores.length / experts];
    for (int start = 0; start < chosen.length; start += group) {
      new BalancedAssignment(scores, start, group, experts).assign(chosen);
    }
    return DeviceMemory.copied(
        Tensor.create(chosen, chosen.length, 1), scoresSE.device(), ScalarType.Long);
  }

  private static double[] finite(double[] scores) {
    double largest = Arrays.stream(scores).filter(Double::isFinite).max().orElse(0);
    double smallest = Arrays.stream(scores).filter(Double::isFinite).min().orElse(0);
    for (int i = 0; i < scores.length; i++) {
      scores[i] =
          Double.isNaN(scores[i]) ? largest : Math.max(smallest, Math.min(largest, scores[i]));
    }
    return scores;
  }

  private void assign(long[] chosen) {
    double range = range();
    for (double part = FIRST_PRECISION; ; part = Math.max(PRECISION, part / FALL)) {
      auction(range * part);
      if (part <= PRECISION) {
        break;
      }
    }
    for (int place = 0; place < holders.length; place++) {
      if (holders[place] < tokens) {
        chosen[first + holders[place]] = place / places;
      }
    }
  }

  private double range() {
    double smallest = 0;
    double largest = 0;
    for (int i = first * experts; i < (first + tokens) * experts; i++) {
      smallest = Math.min(smallest, scores[i]);
      largest = Math.max(largest, scores[i]);
    }
    return largest > smallest ? largest - smallest : 1;
  }

  private void auction(double epsilon) {
    for (int expert = 0; expert < experts; expert++) {
      int lowest = expert * places;
      Arrays.fill(bids, lowest, lowest + places, bids[lowest]);
    }
    Arrays.fill(holders, -1);
    for (int token = 0; token < holders.length; token++) {
      int bidder = token;
      while (bidder >= 0) {
        bidder = bid(bidder, epsilon);
      }
    }
  }

  /** The token that loses its place to {@code token}, or -1. */
  private int bid(int token, double epsilon) {
    int best = 0;
    double bestValue = Double.NEGATIVE_INFINITY;
    double secondValue = Double.NEGATIVE_INFINITY;
    int row = token < tokens ? (first + token) * experts : -1;
    for (int expert = 0; expert < experts; expert++) {
      double value = (row < 0 ? 0 : scores[row + expert]) - bids[expert * places];
      if (value > bestValue) {
        secondValue = bestValue;
        bestValue = value;
        best = expert;
      } else if (value > secondValue) {
        secondValue = value;
      }
    }
    double raise = experts == 1 ? 0 : bestValue - secondValue;
    return replaceLowest(best, bids[best * places] + raise + epsilon, token);
  }

  /** Puts a bid in the place of the expert's lowest (the root of its heap). */
  private int replaceLowest(int expert, double bid, int token) {
    int root = expert * places;
    int evicted = holders[root];
    int at = 0;
    for (int child = 1; child < places; child = 2 * at + 1) {
      if (child + 1 < places && bids[root + child + 1] < bids[root + child]) {
        child++;
      }
      if (bids[root + child] >= bid) {
        break;
      }
      bids[root + at] = bids[root + child];
      holders[root + at] = holders[root + child];
      at = child;
    }
    bids[root + at] = bid;
    holders[root + at] = token;
    return evicted;
  }
}
