package org.sparkmoe.moe;

import java.io.Serializable;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * The settings {@code moe.*}. Which blocks of a model are MoE layers is the model's setting.
 *
 * @param experts E, experts of one layer
 * @param topK k, experts that a token goes to
 * @param capacityFactor f: tokens per expert are k·f·S/E; {@code *} keeps every token
 * @param gate name of a {@link GateProvider} or its class
 * @param order name of an {@link OrderProvider} or its class
 * @param dispatch name of a {@link DispatchProvider} or its class
 * @param expert name of an {@link ExpertProvider} or its class
 * @param hiddenSize H, hidden size of one expert
 * @param minCapacity least tokens per expert and routing group
 * @param drop which tokens over capacity lose their place
 * @param auxLoss coefficient of the gate's own balancing loss
 * @param zLoss coefficient of mean(logsumexp(logits)²) (ST-MoE)
 * @param importanceLoss coefficient of cv²(importance) (Shazeer 2017)
 * @param loadLoss coefficient of cv²(load) (Shazeer 2017)
 * @param routingGroup {@code rank}, or a number of consecutive tokens within which capacity and
 *     every choice that looks at other tokens are decided
 * @param sharedExperts experts that every token goes to (DeepSeek), merged into one of n·H
 * @param gateOptions options of the gate
 * @param expertOptions options of the expert
 * @param hooks names of {@link HookProvider}s or their classes, first to last
 */
public record MoeConfig(
    int experts,
    int topK,
    String capacityFactor,
    String gate,
    String order,
    String dispatch,
    String expert,
    int hiddenSize,
    int minCapacity,
    Drop drop,
    double auxLoss,
    double zLoss,
    double importanceLoss,
    double loadLoss,
    String routingGroup,
    int sharedExperts,
    Map<String, String> gateOptions,
    Map<String, String> expertOptions,
    List<String> hooks)
    implements Serializable {

  /** Which assignments over capacity are dropped. */
  public enum Drop {
    /** The later ones in the batch. */
    POSITION,
    /** Those the gate gave the lower probability. */
    PROBABILITY,
    /** Those of the tokens with the lower best probability (V-MoE's batch priority). */
    BATCH_PRIORITY
  }

  private static final String DROPLESS = "*";
  private static final String RANK = "rank";

  public MoeConfig {
    List<String> problems = new ArrayList<>();
    atLeast(problems, "experts", experts, 1);
    if (topK < 1 || topK > experts) {
      problems.add("moe.top-k is %d, must be from 1 to moe.experts = %d".formatted(topK, experts));
    }
    if (!capacityFactor.equals(DROPLESS) && !(number(capacityFactor) > 0)) {
      problems.add(
          "moe.capacity-factor is '%s', must be a number above 0, or '*' to keep every token"
              .formatted(capacityFactor));
    }
    atLeast(problems, "hidden-size", hiddenSize, 1);
    atLeast(problems, "min-capacity", minCapacity, 1);
    atLeast(problems, "shared-experts", sharedExperts, 0);
    coefficient(problems, "aux-loss", auxLoss);
    coefficient(problems, "z-loss", zLoss);
    coefficient(problems, "importance-loss", importanceLoss);
    coefficient(problems, "load-loss", loadLoss);
    if (!routingGroup.equals(RANK) && !(number(routingGroup) >= 1)) {
      problems.add(
          "moe.routing-group is '%s', must be 'rank' or a number of tokens"
              .formatted(routingGroup));
    }
    if (!problems.isEmpty()) {
      throw new IllegalArgumentException(String.join("\n", problems));
    }
    gateOptions = Map.copyOf(gateOptions);
    expertOptions = Map.copyOf(expertOptions);
    hooks = List.copyOf(hooks);
  }

  /** The defaults of {@code reference.conf} at the given sizes. */
  public static MoeConfig of(int experts, int topK, int hiddenSize) {
    return of(experts, topK, hiddenSize, "1.25", "noisy-top-k", "gpt");
  }

  /** Mixtral's layer: its gate and experts, and every token kept. */
  public static MoeConfig dropless(int experts, int topK, int hiddenSize) {
    return of(experts, topK, hiddenSize, DROPLESS, "mixtral", "mixtral");
  }

  private static MoeConfig of(
      int experts, int topK, int hiddenSize, String capacityFactor, String gate, String expert) {
    return new MoeConfig(
        experts,
        topK,
        capacityFactor,
        gate,
        "sparse",
        "direct",
        expert,
        hiddenSize,
        4,
        Drop.POSITION,
        0.01,
        0,
        0,
        0,
        RANK,
        0,
        Map.of(),
        Map.of(),
        List.of());
  }

  /** The same settings with other options of the expert. */
  public MoeConfig withExpertOptions(Map<String, String> options) {
    return new MoeConfig(
        experts,
        topK,
        capacityFactor,
        gate,
        order,
        dispatch,
        expert,
        hiddenSize,
        minCapacity,
        drop,
        auxLoss,
        zLoss,
        importanceLoss,
        loadLoss,
        routingGroup,
        sharedExperts,
        gateOptions,
        options,
        hooks);
  }

  /** Whether every token is kept. */
  public boolean dropless() {
    return capacityFactor.equals(DROPLESS);
  }

  /** f; only if not {@link #dropless()}. */
  public double factor() {
    return number(capacityFactor);
  }

  /** Tokens of one routing group on a rank with {@code tokens} tokens. */
  long groupTokens(long tokens) {
    return routingGroup.equals(RANK) ? tokens : Long.parseLong(routingGroup);
  }

  private static void atLeast(List<String> problems, String key, int value, int least) {
    if (value < least) {
      problems.add("moe.%s is %d, must be at least %d".formatted(key, value, least));
    }
  }

  private static void coefficient(List<String> problems, String key, double value) {
    if (!(value >= 0) || Double.isInfinite(value)) {
      problems.add("moe.%s is %s, must be 0 (off) or above".formatted(key, value));
    }
  }

  private static double number(String text) {
    try {
      return Double.parseDouble(text);
    } catch (NumberFormatException e) {
      return Double.NaN;
    }
  }
}
