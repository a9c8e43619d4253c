package org.sparkmoe.moe;

import java.util.List;
import org.bytedeco.pytorch.Tensor;
import org.jspecify.annotations.Nullable;
import org.sparkmoe.tensor.SegmentTape;

/** The hooks of one layer in one pass: forward first to last, backward last to first. */
record LayerHooks(List<Hook> hooks, int layer, StepContext step, boolean again) {

  boolean none() {
    return hooks.isEmpty();
  }

  Tensor forward(HookPoint point, Tensor value, int chunk, int chunks) {
    HookContext context = new HookContext(step, layer, chunk, chunks, again);
    Tensor changed = value;
    for (Hook hook : hooks) {
      changed = hook.forward(point, changed, context);
    }
    return changed;
  }

  Tensor backward(HookPoint point, Tensor gradient, int chunk, int chunks) {
    HookContext context = new HookContext(step, layer, chunk, chunks, false);
    Tensor changed = gradient;
    for (int i = hooks.size() - 1; i >= 0; i--) {
      changed = hooks.get(i).backward(point, changed, context);
    }
    return changed;
  }

  /** An outer point, on the tape. */
  Tensor onTape(SegmentTape tape, HookPoint point, Tensor value) {
    Tensor changed = forward(point, value, 0, 1);
    if (changed == value) {
      return value;
    }
    return tape.record(
            new Tensor[] {value},
            new Tensor[] {changed},
            gradients -> {
              Tensor gradient = gradients[0];
              return new @Nullable Tensor[] {
                gradient == null ? null : backward(point, gradient, 0, 1)
              };
            })[0];
  }
}
