package org.sparkmoe.moe;

import java.util.List;
import org.bytedeco.pytorch.Tensor;
import org.sparkmoe.tensor.Parameter;

/** Decides where each token goes. Formulas and their sources stand with each gate. */
public interface Gate {

  /** Which of a rank's tokens a decision about one of them depends on. */
  enum Reach {
    /** That token alone, but for capacity. */
    TOKEN,
    /** Those of its routing group. */
    ROUTING_GROUP,
    /** Any, or the gate keeps count of the calls: it must see the tokens of a rank at once. */
    RANK
  }

  /**
   * Decides whether a schedule may route tokens chunk by chunk, each by a call of {@link #route}.
   * Balancing losses do not matter: they are {@linkplain SharedLoss summed}. Such a gate does not
   * itself sum over ranks in {@link #route}: other chunks' rows are told over the same group.
   */
  default Reach reach() {
    return Reach.RANK;
  }

  /**
   * What a checkpoint must hold. A value without gradient (such as DeepSeek's bias) is one whose
   * gradient is never defined.
   */
  List<Parameter> parameters();

  /**
   * Routes the tokens of one rank. Runs under autograd: what the decision's tensors are computed
   * from gets its gradient without further work. Every rank calls it at the same time, so it may
   * sum over ranks through {@code step}.
   *
   * @param tokensSM {@code [S, M]} f32 (f64 for finite differences), never below f32
   * @param step this pass: capacity, random numbers, sums over ranks
   */
  GateDecision route(Tensor tokensSM, GateStep step);
}
