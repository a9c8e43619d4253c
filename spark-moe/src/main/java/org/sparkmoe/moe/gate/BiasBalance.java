package org.sparkmoe.moe.gate;

import org.bytedeco.pytorch.AutoGradMode;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.sparkmoe.moe.StepContext;
import org.sparkmoe.tensor.DeviceMemory;
import org.sparkmoe.tensor.Parameter;
import org.sparkmoe.tensor.TensorScope;

/**
 * DeepSeek's balancing bias: after each step b_e += γ·sign(mean load − load_e), loads summed over
 * all ranks and micro-batches of the step. All of it on the bias's device, so that the host waits
 * for none of it.
 *
 * <p>The step is over for the gate when its last micro-batch has been routed, so that a checkpoint
 * written after the step holds the new bias. A micro-batch that recomputation routes again sees the
 * bias that it saw before.
 */
final class BiasBalance {
  private final Parameter bias;
  private final double rate;

  /** {@code [E]} f64: loads of this step so far. */
  private final Tensor load;

  /** {@code [E]} as the bias: what it was before it moved last. */
  private final Tensor before;

  /** Micro-batches of this step so far. */
  private int counted;

  /** Whether the step has had its last micro-batch. */
  private boolean moved;

  BiasBalance(Parameter bias, double rate) {
    this.bias = bias;
    this.rate = rate;
    try (TensorScope scope = TensorScope.open();
        AutoGradMode off = new AutoGradMode(false)) {
      Tensor value = bias.value();
      load = TensorScope.keep(DeviceMemory.zeros(value.device(), ScalarType.Double, value.numel()));
      before = TensorScope.keep(value.detach().clone());
    }
  }

  /** b, {@code [E]} f32 or f64; decay and gradient do not apply to it. */
  Parameter bias() {
    return bias;
  }

  /**
   * The bias by which a micro-batch chooses.
   *
   * @param again whether it has chosen before in this step
   * @return {@code [E]} f32 or f64, without gradient
   */
  Tensor biasFor(boolean again) {
    return again && moved ? before : bias.value().detach();
  }

  /**
   * Takes note of a micro-batch in training, once. That a step follows is known by the last
   * micro-batch of the one before and not by its number: training that goes back after a loss spike
   * may train the same step twice in a row.
   *
   * @param loadE {@code [E]}: how many tokens of all ranks chose each expert
   */
  void record(StepContext context, Tensor loadE) {
    try (TensorScope scope = TensorScope.open();
        AutoGradMode off = new AutoGradMode(false)) {
      if (moved) {
        moved = false;
        counted = 0;
        load.zero_();
      }
      load.add_(loadE);
      counted++;
      if (counted == context.microBatches()) {
        move();
        moved = true;
      }
    }
  }

  private void move() {
    before.copy_(bias.value().detach());
    // E times mean − load: whole numbers, of which none is rounded.
    Tensor idle = load.sum().sub(load.mul(new Scalar((double) load.numel())));
    Tensor after = before.to(ScalarType.Double).add(idle.sign().mul(new Scalar(rate)));
    // Parameters that lie in one tensor share its version counter. The bias has no gradient, and
    // those that do have been saved for a backward which must not find them changed.
    bias.value().variable_data().copy_(after);
  }
}
