package org.sparkmoe.moe;

import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.sparkmoe.collective.Communicator;
import org.sparkmoe.kernel.RoutingKernels;
import org.sparkmoe.kernel.RoutingKernels.Packed;
import org.sparkmoe.kernel.RoutingKernels.Places;

/**
 * Gives assignments their places (ROUTING: Capacity). Each group of consecutive tokens has T =
 * max(minCapacity, ceil(k·f·n/E)) places of each expert, n its tokens. This rank's buffer has C = T
 * · groups places, rounded up so that every pipeline degree in use divides it. The rounding adds
 * empty places, not tokens: which tokens are dropped must not depend on the degree.
 *
 * @param config of the layer
 * @param tokens S
 * @param divisor of C: least common multiple of the pipeline degrees
 * @param world all ranks that have this layer, over which gates sum
 */
record Capacity(MoeConfig config, long tokens, long divisor, Communicator world) {

  Capacity {
    long group = config.groupTokens(tokens);
    if (tokens % group != 0) {
      throw new IllegalArgumentException(
          "moe.routing-group is %d, must divide the %d tokens of a rank".formatted(group, tokens));
    }
  }

  long groupTokens() {
    return config.groupTokens(tokens);
  }

  long groups() {
    return tokens / groupTokens();
  }

  /** T; as if f were 1 if no token is dropped. */
  long limit() {
    double factor = config.dropless() ? 1 : config.factor();
    double share = config.topK() * factor * groupTokens() / config.experts();
    // Less an ulp or two, so that 1.1 · 10 / 11 is 1 place and not 2. No expert can get more than
    // all tokens.
    long wanted = Math.max(config.minCapacity(), (long) Math.ceil(share * (1 - 1e-12)));
    return Math.min(wanted, groupTokens());
  }

  /** C, if T bounds the places. */
  long bounded() {
    return rounded(limit() * groups());
  }

  /** Gives each assignment a place as {@link MoeConfig#drop()} says. */
  Slots assign(Tensor chosenSK, Tensor prioritiesSK, boolean choiceMajor) {
    if (config.dropless()) {
      Packed packed = kernels().packedRows(chosenSK.contiguous(), config.experts(), choiceMajor);
      return new Slots.Packed(packed.rows(), packed.counts());
    }
    return switch (config.drop()) {
      case POSITION ->
          new Slots.Bounded(
              kernels().capacitySlots(chosenSK.contiguous(), places(), choiceMajor), bounded());
      case BATCH_PRIORITY -> place(chosenSK, byToken(chosenSK, prioritiesSK, choiceMajor));
      case PROBABILITY -> place(chosenSK, byAssignment(chosenSK, prioritiesSK, choiceMajor));
    };
  }

  /** Slots of given positions within group and expert; those of T and above are dropped. */
  Slots place(Tensor chosenSK, Tensor positionsSK) {
    Tensor slots = kernels().slots(chosenSK.contiguous(), positionsSK.contiguous(), places());
    return new Slots.Bounded(slots, bounded());
  }

  private Places places() {
    return new Places(config.experts(), groupTokens(), limit(), bounded());
  }

  /** Positions where the tokens with the largest priority take theirs first. */
  private Tensor byToken(Tensor chosenSK, Tensor prioritiesSK, boolean choiceMajor) {
    Tensor best = prioritiesSK.detach().max(1, false).get0();
    Tensor order = torch.argsort(best, true, 0, true);
    Tensor chosen = places().byGroup(chosenSK).index_select(0, order);
    Tensor sorted = positions(chosen, queues(), choiceMajor);
    return torch.empty_like(sorted).index_copy_(0, order, sorted);
  }

  /** Positions where the assignments with the largest priority take theirs first. */
  private Tensor byAssignment(Tensor chosenSK, Tensor prioritiesSK, boolean choiceMajor) {
    Tensor chosen = places().byGroup(chosenSK);
    // Assignments in the order in which they would be served, stably sorted.
    Tensor served = choiceMajor ? chosen.t() : chosen;
    Tensor weight = choiceMajor ? prioritiesSK.detach().t() : prioritiesSK.detach();
    Tensor order = torch.argsort(weight.reshape(-1), true, 0, true);
    Tensor sorted =
        positions(served.reshape(-1, 1).index_select(0, order), queues(), false).reshape(-1);
    Tensor back = torch.empty_like(sorted).index_copy_(0, order, sorted);
    return choiceMajor
        ? back.reshape(served.sizes().vec().get()).t()
        : back.reshape(chosen.sizes().vec().get());
  }

  private int queues() {
    return Math.toIntExact(groups() * config.experts());
  }

  private static RoutingKernels kernels() {
    return RoutingKernels.best();
  }

  private static Tensor positions(Tensor chosenSK, int experts, boolean choiceMajor) {
    return kernels().capacityPositions(chosenSK.contiguous(), experts, choiceMajor);
  }

  long rounded(long places) {
    return (places + divisor - 1) / divisor * divisor;
  }
}
