package org.sparkmoe.train;

/**
 * How text is generated.
 *
 * @param maxTokens most tokens to add
 * @param temperature what logits are divided by; 0 takes the likeliest token
 * @param topK only the k likeliest tokens are drawn from; 0 takes all
 * @param topP only the fewest tokens that reach this probability are drawn from; 1 takes all
 * @param seed of the draws
 */
public record GenerationConfig(
    int maxTokens, double temperature, int topK, double topP, long seed) {

  /**
   * @throws IllegalArgumentException with one line for each invalid value
   */
  public GenerationConfig {
    Problems problems = new Problems("");
    problems.check(maxTokens >= 0, "max-tokens", maxTokens, "at least 0");
    problems.check(
        temperature >= 0 && Double.isFinite(temperature),
        "temperature",
        temperature,
        "at least 0 (0 takes the likeliest)");
    problems.check(topK >= 0, "top-k", topK, "at least 0 (0 takes all)");
    problems.check(topP > 0 && topP <= 1, "top-p", topP, "above 0 and at most 1");
    problems.throwIfAny();
  }

  /** The likeliest token each time. */
  public static GenerationConfig greedy(int maxTokens) {
    return new GenerationConfig(maxTokens, 0, 0, 1, 0);
  }
}
