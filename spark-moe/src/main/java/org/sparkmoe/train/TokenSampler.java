package org.sparkmoe.train;

import java.util.Arrays;
import java.util.Comparator;
import java.util.SplittableRandom;
import java.util.stream.IntStream;

/**
 * Draws tokens from logits: temperature, then top-k, then top-p (nucleus sampling, Holtzman et al.
 * 2020). Ties go to the lower id.
 */
final class TokenSampler {
  private final GenerationConfig config;
  private final SplittableRandom random;

  TokenSampler(GenerationConfig config) {
    this.config = config;
    this.random = new SplittableRandom(config.seed());
  }

  /** The next token's id. */
  int draw(double[] logits) {
    int[] ids =
        IntStream.range(0, logits.length)
            .boxed()
            .sorted(Comparator.comparingDouble((Integer id) -> -logits[id]))
            .mapToInt(Integer::intValue)
            .toArray();
    if (config.temperature() == 0) {
      return ids[0];
    }
    int candidates = config.topK() == 0 ? ids.length : Math.min(config.topK(), ids.length);
    double[] probabilities = new double[candidates];
    for (int i = 0; i < candidates; i++) {
      probabilities[i] = Math.exp((logits[ids[i]] - logits[ids[0]]) / config.temperature());
    }
    int kept = nucleus(probabilities);
    double target = random.nextDouble() * Arrays.stream(probabilities, 0, kept).sum();
    int choice = 0;
    for (double sum = probabilities[0]; sum <= target && choice < kept - 1; ) {
      sum += probabilities[++choice];
    }
    return ids[choice];
  }

  /** How many of the likeliest reach {@code top-p} of the whole. */
  private int nucleus(double[] descending) {
    double wanted = config.topP() * Arrays.stream(descending).sum();
    double sum = 0;
    for (int i = 0; i < descending.length; i++) {
      sum += descending[i];
      if (sum >= wanted) {
        return i + 1;
      }
    }
    return descending.length;
  }
}
