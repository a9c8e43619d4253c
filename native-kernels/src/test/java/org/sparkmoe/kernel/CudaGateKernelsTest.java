package org.sparkmoe.kernel;

import static org.sparkmoe.kernel.CudaDevice.here;
import static org.sparkmoe.kernel.CudaDevice.there;

import net.jqwik.api.Tag;
import org.bytedeco.pytorch.Tensor;
import org.jspecify.annotations.Nullable;

@Tag("cuda")
class CudaGateKernelsTest extends GateKernelsContract {
  private final GateKernels kernels = new OnTheGpu(new DeviceGateKernels(CudaDevice.open()));

  @Override
  GateKernels kernels() {
    return kernels;
  }

  /** Carries arguments there and results back. */
  private record OnTheGpu(GateKernels gpu) implements GateKernels {
    @Override
    public Choice choose(Tensor logits, @Nullable Tensor bias, Rule rule) {
      Choice choice = gpu.choose(there(logits), bias == null ? null : there(bias), rule);
      return new Choice(
          here(choice.scores()),
          here(choice.experts()),
          here(choice.positions()),
          here(choice.queueLengths()));
    }

    @Override
    public Tensor largest(Tensor scores, int choices) {
      return here(gpu.largest(there(scores), choices));
    }

    @Override
    public Tensor balanced(Tensor scores, long groupTokens) {
      return here(gpu.balanced(there(scores), groupTokens));
    }

    @Override
    public Tensor placesOfTaken(Tensor scores, long groupTokens, long limit) {
      return here(gpu.placesOfTaken(there(scores), groupTokens, limit));
    }

    @Override
    public Tensor logitsGradient(Tensor scores, Tensor gradient, Score score) {
      return here(gpu.logitsGradient(there(scores), there(gradient), score));
    }
  }
}
