package org.sparkmoe.tensor;

import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import org.bytedeco.pytorch.AutoGradMode;
import org.bytedeco.pytorch.BoolOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.jspecify.annotations.Nullable;

/**
 * The record of one forward pass, cut at communication points.
 *
 * <p>A <em>segment</em> runs under autograd on detached leaf inputs; between segments stand
 * operations with an adjoint of their own (collectives, kernels, the MoE layer's task graph).
 * Backward walks the record in reverse and calls autograd segment by segment, so that the order of
 * work is the caller's in both directions. Values are known by the identity of their Java {@link
 * Tensor} object: hand on the very objects that the tape returned.
 *
 * <p>Not thread-safe: one tape belongs to one rank's step. The tape owns no native memory; the
 * step's {@link TensorScope} does.
 */
public final class SegmentTape {

  /** Maps gradients of an operation's outputs to gradients of its inputs; null means zero. */
  @FunctionalInterface
  public interface Adjoint {
    /**
     * Returns one gradient for each input, in order.
     *
     * @param outputGradients one for each output, in order; null where nothing flowed back
     * @return one for each input; null where the input needs none
     */
    @Nullable Tensor[] apply(@Nullable Tensor[] outputGradients);
  }

  private record Entry(Tensor[] inputs, Tensor[] outputs, Adjoint adjoint) {}

  private final List<Entry> entries = new ArrayList<>();
  private final boolean recording;

  /** A tape for training. */
  public SegmentTape() {
    this(true);
  }

  private SegmentTape(boolean recording) {
    this.recording = recording;
  }

  /** A tape that runs segments without autograd and records nothing, for evaluation. */
  public static SegmentTape withoutHistory() {
    return new SegmentTape(false);
  }

  /**
   * Runs {@code body} under autograd on detached copies of {@code inputs}. Parameters that the body
   * uses collect their gradient in {@code grad()} when {@link #backward} passes here.
   *
   * @param inputs values of any shape; those of a floating dtype are differentiated
   * @param body from leaves to results
   * @return the results, detached
   */
  public Tensor[] compute(Tensor[] inputs, UnaryOperator<Tensor[]> body) {
    if (!recording) {
      try (AutoGradMode off = new AutoGradMode(false)) {
        return body.apply(inputs.clone());
      }
    }
    Tensor[] leaves = new Tensor[inputs.length];
    Tensor[] results;
    try (AutoGradMode recording = new AutoGradMode(true)) {
      for (int i = 0; i < inputs.length; i++) {
        leaves[i] = inputs[i].detach();
        if (leaves[i].is_floating_point()) {
          leaves[i].set_requires_grad(true);
        }
      }
      results = body.apply(leaves);
    }
    Tensor[] detached = new Tensor[results.length];
    for (int i = 0; i < results.length; i++) {
      detached[i] = results[i].detach();
    }
    return record(inputs, detached, gradients -> segmentBackward(leaves, results, gradients));
  }

  /** As {@link #compute(Tensor[], UnaryOperator)} for one value. */
  public Tensor compute(Tensor input, UnaryOperator<Tensor> body) {
    return compute(new Tensor[] {input}, in -> new Tensor[] {body.apply(in[0])})[0];
  }

  /**
   * Records an operation that has already run.
   *
   * @return {@code outputs}
   */
  public Tensor[] record(Tensor[] inputs, Tensor[] outputs, Adjoint adjoint) {
    if (recording) {
      entries.add(new Entry(inputs.clone(), outputs, adjoint));
    }
    return outputs;
  }

  /**
   * Runs backward from {@code output}. The record is consumed.
   *
   * @param output a value this tape returned
   * @param gradient of the same shape and dtype as {@code output}
   */
  public void backward(Tensor output, Tensor gradient) {
    backward(new Tensor[] {output}, new Tensor[] {gradient});
  }

  /** Runs backward from several outputs at once, which share their common history. */
  public void backward(Tensor[] outputs, Tensor[] seeds) {
    if (!recording) {
      throw new IllegalStateException("backward needs a tape with a history: new SegmentTape()");
    }
    Map<Tensor, Tensor> gradients = new IdentityHashMap<>();
    for (int i = 0; i < outputs.length; i++) {
      accumulate(gradients, outputs[i], seeds[i]);
    }
    for (int e = entries.size() - 1; e >= 0; e--) {
      Entry entry = entries.get(e);
      @Nullable Tensor[] outputGradients = new @Nullable Tensor[entry.outputs.length];
      boolean reached = false;
      for (int i = 0; i < outputGradients.length; i++) {
        outputGradients[i] = gradients.remove(entry.outputs[i]);
        reached |= outputGradients[i] != null;
      }
      if (!reached) {
        continue;
      }
      @Nullable Tensor[] inputGradients = entry.adjoint.apply(outputGradients);
      for (int i = 0; i < entry.inputs.length; i++) {
        Tensor gradient = inputGradients[i];
        if (gradient != null) {
          accumulate(gradients, entry.inputs[i], gradient);
        }
      }
    }
    entries.clear();
  }

  private static void accumulate(Map<Tensor, Tensor> gradients, Tensor value, Tensor gradient) {
    gradients.merge(value, gradient, Tensor::add);
  }

  private static @Nullable Tensor[] segmentBackward(
      Tensor[] leaves, Tensor[] results, @Nullable Tensor[] gradients) {
    TensorVector roots = new TensorVector();
    TensorVector seeds = new TensorVector();
    for (int i = 0; i < results.length; i++) {
      Tensor gradient = gradients[i];
      if (gradient != null && results[i].requires_grad()) {
        roots.push_back(results[i]);
        seeds.push_back(gradient);
      }
    }
    if (!roots.empty()) {
      torch.backward(roots, seeds, new BoolOptional(false), false, new TensorVector());
    }
    @Nullable Tensor[] inputGradients = new @Nullable Tensor[leaves.length];
    for (int i = 0; i < leaves.length; i++) {
      Tensor gradient = leaves[i].requires_grad() ? leaves[i].grad() : null;
      inputGradients[i] = gradient != null && gradient.defined() ? gradient : null;
    }
    return inputGradients;
  }
}
