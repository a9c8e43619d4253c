package org.sparkmoe.moe;

import org.bytedeco.pytorch.AutoGradMode;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.sparkmoe.collective.Communicator;
import org.sparkmoe.collective.Communicator.Reduction;
import org.sparkmoe.kernel.RoutingKernels;
import org.sparkmoe.topology.RankGroups;

/**
 * What a gate may use while it routes: capacity, random numbers, and sums over ranks.
 *
 * <p>A loss that looks at all tokens is a function f of sums over all ranks, and of a rank's chunks
 * where each is routed by itself: a {@link SharedLoss}. {@link #share} gives this rank's share of
 * it: the shares add up to f, and the gradient of each is f's gradient by that rank's own tokens.
 */
public final class GateStep {
  private final StepContext context;
  private final boolean again;
  private final Capacity capacity;
  private final TokenRandom random;
  private final Communicator world;

  GateStep(StepContext context, boolean again, int layer, Capacity capacity) {
    this.context = context;
    this.again = again;
    this.capacity = capacity;
    this.random = new TokenRandom(context, layer, capacity.tokens());
    this.world = capacity.world();
  }

  /**
   * The step of a layer that has only one rank, at degree 1: for tests and benchmarks of a gate
   * without a layer around it.
   *
   * @param tokens S
   */
  public static GateStep alone(MoeConfig config, StepContext context, long tokens) {
    Capacity capacity = new Capacity(config, tokens, 1, RankGroups.single().world());
    return new GateStep(context, false, 0, capacity);
  }

  public StepContext context() {
    return context;
  }

  /**
   * Whether these tokens have been routed before in this step, because {@code train.recompute}
   * keeps no activations: a gate that changes by what it sees must decide as it did, and count
   * once.
   */
  public boolean again() {
    return again;
  }

  public MoeConfig config() {
    return capacity.config();
  }

  /** Whether the gate's own balancing loss is wanted: in training, if its coefficient is not 0. */
  public boolean balancing() {
    return context.training() && config().auxLoss() > 0;
  }

  /** S, tokens of this rank. */
  public long tokens() {
    return capacity.tokens();
  }

  /** n, tokens of a routing group. */
  public long groupTokens() {
    return capacity.groupTokens();
  }

  /** Routing groups of this rank: its tokens are {@code groups · groupTokens}, group by group. */
  public long groups() {
    return capacity.groups();
  }

  /** T, places of an expert for one routing group. If no token is dropped: as if f were 1. */
  public long limit() {
    return capacity.limit();
  }

  /** C, places of an expert for all routing groups of this rank, if T bounds them. */
  public long boundedCapacity() {
    return capacity.bounded();
  }

  /** {@code places}, and so many more that every pipeline degree in use divides them. */
  public long rounded(long places) {
    return capacity.rounded(places);
  }

  /**
   * Gives each assignment a place, dropping over capacity as {@code moe.drop} says.
   *
   * @param chosenSK {@code [S, K]} i64 experts, -1 none
   * @param prioritiesSK {@code [S, K]} probabilities (not logits), for dropping by probability
   * @param choiceMajor whether all first choices are served before any second
   */
  public Slots assign(Tensor chosenSK, Tensor prioritiesSK, boolean choiceMajor) {
    return capacity.assign(chosenSK, prioritiesSK, choiceMajor);
  }

  /**
   * Slots of positions that the gate has decided itself.
   *
   * @param chosenSK {@code [S, K]} i64 experts, -1 none
   * @param positionsSK {@code [S, K]} i64 within routing group and expert, from 0 to below {@link
   *     #limit()}; -1 none
   */
  public Slots place(Tensor chosenSK, Tensor positionsSK) {
    return capacity.place(chosenSK, positionsSK);
  }

  /**
   * Uniform in (0, 1), the same for a token in every layout.
   *
   * @param stream tells several draws of one layer and step apart
   * @param like gives device and dtype
   * @return {@code [S, columns]}
   */
  public Tensor uniform(int stream, int columns, Tensor like) {
    return random.uniform(stream, columns, like);
  }

  /** Standard normal, as {@link #uniform}. */
  public Tensor normal(int stream, int columns, Tensor like) {
    return random.normal(stream, columns, like);
  }

  /** Sum over all ranks, without gradient; {@code local} is not changed. */
  public Tensor worldSum(Tensor local) {
    Tensor sum = local.detach().clone();
    if (world.size() > 1) {
      world.allReduce(sum, Reduction.SUM).await();
    }
    return sum;
  }

  /**
   * This rank's share of a loss over all ranks.
   *
   * @param loss with the sums over this rank's tokens
   * @return scalar under autograd
   */
  public Tensor share(SharedLoss loss) {
    Tensor local = loss.sumsN();
    Tensor total = worldSum(local);
    Tensor value;
    try (AutoGradMode recording = new AutoGradMode(true)) {
      total.set_requires_grad(true);
      value = loss.of().apply(total);
    }
    value.backward();
    Tensor slope = total.grad();
    double part = (double) tokens() / context.microStepTokens();
    Tensor deviation = local.sub(local.detach()).mul(slope).sum();
    return deviation.add(value.detach().mul(new Scalar(part)));
  }

  /**
   * The usual balancing loss E·Σ_e (share of tokens that chose e)·(mean probability of e) (Switch,
   * GShard on first choices, Mixtral on all).
   *
   * @param probabilitiesSE {@code [S, E]} under autograd
   * @param chosenSK {@code [S, K]} i64, -1 none
   */
  public SharedLoss balanceLoss(Tensor probabilitiesSE, Tensor chosenSK) {
    double n = context.microStepTokens();
    long experts = config().experts();
    TensorVector sums = new TensorVector(counts(chosenSK, probabilitiesSE), probabilitiesSE.sum(0));
    return new SharedLoss(
        torch.cat(sums),
        all -> {
          Tensor fraction = all.narrow(0, 0, experts).detach().div(new Scalar(n));
          Tensor mean = all.narrow(0, experts, experts).div(new Scalar(n));
          return fraction.mul(mean).sum().mul(new Scalar((double) experts));
        });
  }

  /**
   * cv²: variance over squared mean (Shazeer 2017, §4), with its 1e-10 against division by zero.
   *
   * @param values {@code [n]}
   * @return scalar
   */
  public static Tensor squaredVariation(Tensor values) {
    Tensor mean = values.mean();
    return values.var(false).div(mean.mul(mean).add(new Scalar(1e-10)));
  }

  /**
   * How many of this rank's assignments name each expert.
   *
   * @return {@code [E]} of the dtype of {@code like}
   */
  public Tensor counts(Tensor chosenSK, Tensor like) {
    return RoutingKernels.best()
        .counts(chosenSK.contiguous(), config().experts(), 1)
        .to(like.scalar_type());
  }
}
