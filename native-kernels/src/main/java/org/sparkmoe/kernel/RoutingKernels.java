package org.sparkmoe.kernel;

import java.util.Optional;
import java.util.function.Supplier;
import org.bytedeco.pytorch.AutoGradMode;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.sparkmoe.tensor.NativeLibrary;
import org.sparkmoe.tensor.TensorScope;

/**
 * Moves tokens into the experts' buffer and back: the sparse Order and Inverse Order of the paper's
 * §3.1, with their gradients.
 *
 * <p>Letters: S tokens, K choices of a token, M width, E experts. The buffer has {@code nSlots}
 * rows; {@code slots[s, k]} is the row of the k-th choice of token s, or -1 where there is none,
 * because it was dropped. No row is used twice. All tensors are contiguous and on one device;
 * tokens and buffers are f32, f64 or bf16, and sums over choices are taken in f32 (f64 for f64), in
 * the order of choices, and rounded once.
 *
 * <p>Every method throws {@link IllegalArgumentException} for a wrong shape or dtype, and for a
 * slot or an expert outside its range. None records autograd.
 */
public interface RoutingKernels {

  /** The fastest implementation that works here, for the device on which tensors are. */
  static RoutingKernels best() {
    return new RoutingKernelsByDevice(nativeCpp().orElseGet(RoutingKernels::torch));
  }

  /** In C++; empty where the build had no compiler, or the library cannot be loaded. */
  static Optional<RoutingKernels> nativeCpp() {
    return NativeLibrary.problem().isEmpty()
        ? Optional.of(new CppRoutingKernels())
        : Optional.empty();
  }

  /** Made of libtorch's operators. */
  static RoutingKernels torch() {
    return new TorchRoutingKernels();
  }

  /**
   * The place of each assignment in the queue of its expert, from 0.
   *
   * @param experts {@code [S, K] i64}, -1 for no expert
   * @param nExperts E
   * @param choiceMajor whether all first choices take their places before any second choice, as in
   *     GShard; otherwise tokens take theirs one after another
   * @return {@code [S, K] i64}, -1 where there is no expert
   */
  Tensor capacityPositions(Tensor experts, int nExperts, boolean choiceMajor);

  /**
   * Rows without gaps.
   *
   * @param rows {@code [S, K] i64}: the row of each assignment, those of one expert after those of
   *     the other, -1 where there is no expert
   * @param counts {@code [E] i64}: how many rows each expert has
   */
  record Packed(Tensor rows, Tensor counts) {
    /** Of a body that makes both, without autograd. */
    static Packed of(Supplier<Tensor[]> body) {
      try (AutoGradMode off = new AutoGradMode(false)) {
        Tensor[] made = TensorScope.computeAll(body::get);
        return new Packed(made[0], made[1]);
      }
    }
  }

  /**
   * The row of each assignment in a buffer that has one for each and no other: the rows of an
   * expert stand in the order of {@link #capacityPositions}.
   *
   * @param experts {@code [S, K] i64}, -1 for no expert
   * @param choiceMajor as {@link #capacityPositions}
   */
  Packed packedRows(Tensor experts, int nExperts, boolean choiceMajor);

  /**
   * Where experts have bounded places in a buffer.
   *
   * @param experts E
   * @param groupTokens n, consecutive tokens of a routing group, which has places of its own;
   *     divides S
   * @param limit T, places of an expert for each routing group
   * @param capacity C, rows of an expert in the buffer, T for each routing group at least
   */
  record Places(int experts, long groupTokens, long limit, long capacity) {
    /** {@code [S, 1] i64}: the routing group of each token. */
    Tensor groupOfToken(Tensor experts) {
      return torch
          .arange(new Scalar(experts.size(0)), experts.options())
          .floor_divide(new Scalar(groupTokens))
          .view(-1, 1);
    }

    /**
     * Routing groups count separately, as if each had experts of its own.
     *
     * @param experts {@code [S, K] i64}, -1 for no expert
     * @return {@code [S, K] i64}, from 0 to E times the number of routing groups, -1 where there is
     *     no expert; {@code experts} itself where there is one routing group
     */
    public Tensor byGroup(Tensor experts) {
      if (experts.size(0) <= groupTokens) {
        return experts;
      }
      Tensor first = groupOfToken(experts).mul_(new Scalar((long) this.experts));
      return torch.where(experts.ge(new Scalar(0L)), experts.add(first), new Scalar(-1L));
    }
  }

  /**
   * The slot of each assignment where those of a group and expert take its places in turn: {@link
   * #capacityPositions} within routing groups, then {@link #slots}.
   *
   * @param experts {@code [S, K] i64}, -1 for no expert
   * @param choiceMajor as {@link #capacityPositions}
   * @return {@code [S, K] i64}
   */
  Tensor capacitySlots(Tensor experts, Places places, boolean choiceMajor);

  /**
   * The slot of each assignment whose place is known: of expert e and place p of the g-th routing
   * group, {@code e·C + g·T + p}.
   *
   * @param experts {@code [S, K] i64}, -1 for no expert
   * @param positions {@code [S, K] i64}, places within routing group and expert
   * @return {@code [S, K] i64}, -1 where there is no expert and where the place is not one from 0
   *     to T - 1
   */
  Tensor slots(Tensor experts, Tensor positions, Places places);

  /**
   * How many slots of each expert are in use; with {@code capacity} 1, how many assignments name
   * each expert.
   *
   * @param slots i64 of any shape, -1 for none
   * @param nExperts E
   * @param capacity C, slots of an expert
   * @return {@code [E] i64}
   */
  Tensor counts(Tensor slots, int nExperts, long capacity);

  /**
   * Copies each token into its slots.
   *
   * @param tokens {@code [S, M]}
   * @param slots {@code [S, K] i64}
   * @return {@code [nSlots, M]} in the dtype of {@code tokens}; rows of slots not used are zero
   */
  Tensor order(Tensor tokens, Tensor slots, long nSlots);

  /**
   * The gradient of {@link #order} by its tokens: the sum over the slots of a token.
   *
   * @param bufferGradient {@code [nSlots, M]}
   * @param slots {@code [S, K] i64}
   * @return {@code [S, M]} in the dtype of {@code bufferGradient}
   */
  Tensor orderGradient(Tensor bufferGradient, Tensor slots);

  /**
   * The weighted sum over the slots of each token.
   *
   * @param buffer {@code [nSlots, M]}
   * @param slots {@code [S, K] i64}
   * @param weights {@code [S, K]} f32, or f64 if {@code buffer} is
   * @return {@code [S, M]} in the dtype of {@code buffer}
   */
  Tensor inverseOrder(Tensor buffer, Tensor slots, Tensor weights);

  /**
   * The gradient of {@link #inverseOrder} by its weights: dot products of rows.
   *
   * @param gradient {@code [S, M]}
   * @param buffer {@code [nSlots, M]} in the dtype of {@code gradient}
   * @param slots {@code [S, K] i64}
   * @return {@code [S, K]} f32, or f64 if {@code buffer} is; zero where there is no slot
   */
  Tensor inverseOrderWeightGradient(Tensor gradient, Tensor buffer, Tensor slots);

  /**
   * The gradient of {@link #inverseOrder} by its buffer: each token's gradient, times its weight,
   * in its slots.
   *
   * @param gradient {@code [S, M]}
   * @param slots {@code [S, K] i64}
   * @param weights {@code [S, K]} f32, or f64 if {@code gradient} is
   * @return {@code [nSlots, M]} in the dtype of {@code gradient}; rows of slots not used are zero
   */
  Tensor inverseOrderBufferGradient(Tensor gradient, Tensor slots, Tensor weights, long nSlots);
}
