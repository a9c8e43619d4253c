package org.sparkmoe.kernel;

import java.util.Optional;
import org.bytedeco.pytorch.Tensor;
import org.jspecify.annotations.Nullable;
import org.sparkmoe.tensor.NativeLibrary;

/**
 * The gate between its logits and the places of tokens in the experts' queues: scores, the k best
 * experts, positions. Letters: S tokens, E experts, K choices of a token. Tensors are contiguous.
 * None of the methods records autograd.
 */
public interface GateKernels {

  /** What becomes of logits. */
  enum Score {
    /** Over the experts of a token. */
    SOFTMAX,
    /** Of each expert for itself (DeepSeek-V3). */
    SIGMOID
  }

  /**
   * How experts are chosen.
   *
   * @param choices K, at most E and 16
   * @param score of each expert
   * @param choiceMajor whether all first choices take their places before any second choice, as in
   *     GShard; otherwise tokens take theirs one after another
   */
  record Rule(int choices, Score score, boolean choiceMajor) {}

  /**
   * The outcome of a gate.
   *
   * @param scores {@code [S, E] f32}
   * @param experts {@code [S, K] i64}, by falling score plus bias, as {@link #largest}
   * @param positions {@code [S, K] i64}, places in the queue of the expert, from 0
   * @param queueLengths {@code [E] i64}, how many tokens chose each expert
   */
  record Choice(Tensor scores, Tensor experts, Tensor positions, Tensor queueLengths) {}

  /**
   * Scores all experts and chooses.
   *
   * @param logits {@code [S, E] f32}
   * @param bias {@code [E] f32}, added to scores for the choice only, or null for none
   * @throws IllegalArgumentException if a shape or dtype is wrong, or K exceeds E or 16
   */
  Choice choose(Tensor logits, @Nullable Tensor bias, Rule rule);

  /**
   * The columns of the largest of each row, which {@code torch.topk} gives in no certain order.
   *
   * @param scores {@code [S, E]}, floating
   * @param choices how many, at most E and 16
   * @return {@code [S, choices]} i64, largest first, ties to the lower index, NaN before numbers
   */
  Tensor largest(Tensor scores, int choices);

  /**
   * One expert for each token, so that the sum of scores is the largest at which no expert gets
   * more than ceil(n/E) of the n tokens of a routing group, less at most n/1000 of the range of
   * scores (BASE layers, §2.1).
   *
   * @param scores {@code [S, E]}, floating; a NaN counts as the largest score
   * @param groupTokens n, consecutive tokens that are assigned together; divides S
   * @return {@code [S, 1]} i64, the same from every implementation
   */
  Tensor balanced(Tensor scores, long groupTokens);

  /**
   * Lets each expert take the tokens of each routing group that have the largest scores for it
   * (Expert Choice).
   *
   * @param scores {@code [S, E]}, floating; NaN before numbers, of equals the earlier token
   * @param groupTokens n, consecutive tokens of a group; divides S
   * @param limit how many tokens of a group an expert takes, 1 to n
   * @return {@code [S, E]} i64: the place of the token among those of its group that the expert
   *     took, counted in the order of tokens from 0; -1 where the expert did not take it
   */
  Tensor placesOfTaken(Tensor scores, long groupTokens, long limit);

  /**
   * The gradient by the logits.
   *
   * @param scores {@code [S, E] f32}, of {@link #choose}
   * @param gradient {@code [S, E] f32}, by the scores
   * @return {@code [S, E] f32}
   */
  Tensor logitsGradient(Tensor scores, Tensor gradient, Score score);

  /** The fastest implementation for the device on which tensors are. */
  static GateKernels best() {
    return new GateKernelsByDevice();
  }

  /** In C++, on the CPU; empty where the build had no compiler, or the library cannot be loaded. */
  static Optional<GateKernels> nativeCpp() {
    return NativeLibrary.problem().isEmpty() ? Optional.of(new CppGateKernels()) : Optional.empty();
  }

  /** Made of libtorch's operators, for any device. */
  static GateKernels torch() {
    return new TorchGateKernels();
  }
}
