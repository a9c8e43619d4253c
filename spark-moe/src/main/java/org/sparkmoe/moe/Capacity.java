package org.sparkmoe.moe;

import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.sparkmoe.collective.Communicator;
import org.sparkmoe.kernel.RoutingKernels;

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
      Tensor positions = positions(chosenSK, config.experts(), choiceMajor);
      // Only names places: unused ones are closed up before anything is allocated.
      long capacity = Math.max(1, positions.max().item_long() + 1);
      return new Slots(
          slots(chosenSK, positions, positions.ge(new Scalar(0L)), capacity), capacity);
    }
    return place(chosenSK, ranked(chosenSK, prioritiesSK, choiceMajor));
  }

  /** Slots of given positions within group and expert; those of T and above are dropped. */
  Slots place(Tensor chosenSK, Tensor positionsSK) {
    long limit = limit();
    long capacity = bounded();
    Tensor kept = positionsSK.lt(new Scalar(limit)).logical_and_(positionsSK.ge(new Scalar(0L)));
    Tensor inBuffer =
        groups() == 1
            ? positionsSK
            : positionsSK.add(groupOfToken(positionsSK).mul_(new Scalar(limit)));
    return new Slots(slots(chosenSK, inBuffer, kept, capacity), capacity);
  }

  private Tensor ranked(Tensor chosenSK, Tensor prioritiesSK, boolean choiceMajor) {
    int all = Math.toIntExact(groups() * config.experts());
    Tensor chosen = groups() == 1 ? chosenSK : byGroup(chosenSK);
    switch (config.drop()) {
      case POSITION:
        return positions(chosen, all, choiceMajor);
      case BATCH_PRIORITY:
        {
          Tensor best = prioritiesSK.detach().max(1, false).get0();
          Tensor order = torch.argsort(best, true, 0, true);
          Tensor sorted = positions(chosen.index_select(0, order), all, choiceMajor);
          return torch.empty_like(sorted).index_copy_(0, order, sorted);
        }
      case PROBABILITY:
        {
          // Assignments in the order in which they would be served, stably sorted.
          Tensor served = choiceMajor ? chosen.t() : chosen;
          Tensor weight = choiceMajor ? prioritiesSK.detach().t() : prioritiesSK.detach();
          Tensor order = torch.argsort(weight.reshape(-1), true, 0, true);
          Tensor sorted =
              positions(served.reshape(-1, 1).index_select(0, order), all, false).reshape(-1);
          Tensor back = torch.empty_like(sorted).index_copy_(0, order, sorted);
          return choiceMajor
              ? back.reshape(served.sizes().vec().get()).t()
              : back.reshape(chosen.sizes().vec().get());
        }
    }
    throw new AssertionError(config.drop());
  }

  /** Groups count separately: each has experts of its own. */
  private Tensor byGroup(Tensor chosenSK) {
    Tensor first = groupOfToken(chosenSK).mul_(new Scalar((long) config.experts()));
    return torch.where(chosenSK.ge(new Scalar(0L)), chosenSK.add(first), new Scalar(-1L));
  }

  private Tensor groupOfToken(Tensor like) {
    return torch
        .arange(new Scalar(tokens), like.options())
        .floor_divide(new Scalar(groupTokens()))
        .reshape(-1, 1);
  }

  private static Tensor slots(Tensor chosen, Tensor positions, Tensor kept, long capacity) {
    return torch.where(kept, chosen.mul(new Scalar(capacity)).add_(positions), new Scalar(-1L));
  }

  private static Tensor positions(Tensor chosenSK, int experts, boolean choiceMajor) {
    return RoutingKernels.best().capacityPositions(chosenSK.contiguous(), experts, choiceMajor);
  }

  long rounded(long places) {
    return (places + divisor - 1) / divisor * divisor;
  }
}
