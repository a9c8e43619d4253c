package org.sparkmoe.tensor;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
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

  /** A part of the forward pass that can be run more than once, with the same results. */
  @FunctionalInterface
  public interface Part {
    /**
     * @param tape records the run, or not
     * @param inputs the values that {@link #recompute} was given
     * @return values of the tape
     */
    Tensor[] run(SegmentTape tape, Tensor[] inputs);
  }

  private record Entry(Tensor[] inputs, Tensor[] outputs, Adjoint adjoint) {}

  private final List<Entry> entries = new ArrayList<>();
  private final boolean recording;
  private final boolean again;

  /** A tape for training. */
  public SegmentTape() {
    this(true, false);
  }

  private SegmentTape(boolean recording, boolean again) {
    this.recording = recording;
    this.again = again;
  }

  /** A tape that runs segments without autograd and records nothing, for evaluation. */
  public static SegmentTape withoutHistory() {
    return new SegmentTape(false, false);
  }

  /**
   * Whether this run repeats one whose results are known already, for the sake of what backward
   * needs of it: what was counted, listened to or reported there must not be so again.
   */
  public boolean isAgain() {
    return again;
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
   * Runs {@code part} and keeps nothing but its results: backward runs it again, and only then
   * records what it needs (activation recomputation; Chen et al. 2016). On a tape without history
   * it runs once.
   *
   * <p>Both runs give the same bits where the part's operations do: random choices must be a
   * function of its inputs, and collectives come in the same order on all ranks.
   *
   * @param inputs values of any shape
   * @return the results, of {@code part}'s first run
   */
  public Tensor[] recompute(Tensor[] inputs, Part part) {
    if (!recording) {
      return part.run(this, inputs);
    }
    Tensor[] given = inputs.clone();
    Tensor[] results = TensorScope.computeAll(() -> part.run(withoutHistory(), given));
    return record(
        given,
        results,
        gradients ->
            TensorScope.computeAll(
                () -> {
                  SegmentTape second = new SegmentTape(true, true);
                  ValueGradients reached = second.propagate(part.run(second, given), gradients);
                  return Arrays.stream(given).map(reached::take).toArray(Tensor[]::new);
                }));
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
  public void backward(Tensor[] outputs, @Nullable Tensor[] seeds) {
    propagate(outputs, seeds);
  }

  /** The gradients that nothing on the tape takes up are those of values that came from outside. */
  private ValueGradients propagate(Tensor[] outputs, @Nullable Tensor[] seeds) {
    ValueGradients gradients = new ValueGradients();
    for (int i = 0; i < outputs.length; i++) {
      Tensor seed = seeds[i];
      if (seed != null) {
        gradients.add(outputs[i], seed);
      }
    }
    backward(gradients);
    return gradients;
  }

  /**
   * Runs backward from the values of this tape that have a gradient, and adds to the gradients of
   * those that came from elsewhere. So several tapes can hand values and their gradients to each
   * other. The record is consumed.
   *
   * @param gradients in which this tape's own values have none afterwards
   */
  public void backward(ValueGradients gradients) {
    if (!recording) {
      throw new IllegalStateException("backward needs a tape with a history: new SegmentTape()");
    }
    for (int e = entries.size() - 1; e >= 0; e--) {
      Entry entry = entries.get(e);
      @Nullable Tensor[] outputGradients = new @Nullable Tensor[entry.outputs.length];
      boolean reached = false;
      for (int i = 0; i < outputGradients.length; i++) {
        outputGradients[i] = gradients.take(entry.outputs[i]);
        reached |= outputGradients[i] != null;
      }
      if (!reached) {
        continue;
      }
      @Nullable Tensor[] inputGradients = entry.adjoint.apply(outputGradients);
      for (int i = 0; i < entry.inputs.length; i++) {
        Tensor gradient = inputGradients[i];
        if (gradient != null) {
          gradients.add(entry.inputs[i], gradient);
        }
      }
    }
    entries.clear();
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
