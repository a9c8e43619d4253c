package org.sparkmoe.moe.gate;

import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;
import org.sparkmoe.moe.StepContext;
import org.sparkmoe.tensor.Parameter;

/**
 * DeepSeek's balancing bias: after each step b_e += γ·sign(mean load − load_e), loads summed over
 * all ranks and micro-batches of the step.
 *
 * <p>The step is over for the gate when its last micro-batch has been routed, so that a checkpoint
 * written after the step holds the new bias. A micro-batch routed again, as recomputation does, is
 * counted once and sees the bias that it saw before.
 */
final class BiasBalance {
  private final Parameter bias;
  private final double rate;
  private final Map<Integer, double[]> loadOfMicroBatch = new HashMap<>();
  private long step = -1;
  private boolean moved;
  private double[] before = new double[0];

  BiasBalance(Parameter bias, double rate) {
    this.bias = bias;
    this.rate = rate;
  }

  /** b, {@code [E]} f32 or f64; decay and gradient do not apply to it. */
  Parameter bias() {
    return bias;
  }

  /** The bias by which the micro-batch chooses: {@code [E]} f32 or f64, without gradient. */
  Tensor biasAt(StepContext context) {
    Tensor current = bias.value().detach();
    boolean again = context.training() && moved && context.step() == step;
    return again ? Tensor.create(before).to(current.device(), current.scalar_type()) : current;
  }

  /**
   * Takes note of a micro-batch in training.
   *
   * @param loadE {@code [E]}: how many tokens of all ranks chose each expert
   */
  void record(StepContext context, Tensor loadE) {
    if (context.step() != step) {
      step = context.step();
      moved = false;
      loadOfMicroBatch.clear();
    }
    loadOfMicroBatch.put(context.microBatch(), values(loadE));
    if (!moved && loadOfMicroBatch.size() == context.microBatches()) {
      move();
      moved = true;
    }
  }

  private void move() {
    before = values(bias.value());
    double[] after = before.clone();
    double[] load = new double[after.length];
    loadOfMicroBatch.values().forEach(part -> Arrays.setAll(load, e -> load[e] + part[e]));
    double mean = Arrays.stream(load).average().orElse(0);
    Arrays.setAll(after, e -> before[e] + rate * Math.signum(mean - load[e]));
    // Parameters that lie in one tensor share its version counter. The bias has no gradient, and
    // those
    // that do have been saved for a backward which must not find them changed.
    bias.value().variable_data().copy_(Tensor.create(after));
  }

  private static double[] values(Tensor tensor) {
    return Values.of(tensor);
  }
}
