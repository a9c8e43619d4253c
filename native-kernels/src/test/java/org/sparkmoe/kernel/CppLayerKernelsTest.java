package org.sparkmoe.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.sparkmoe.tensor.TensorScope;

class CppLayerKernelsTest extends LayerKernelsContract {
  @Override
  LayerKernels kernels() {
    Assumptions.assumeTrue(LayerKernels.nativeCpp().isPresent(), "built without a C++ compiler");
    return LayerKernels.nativeCpp().orElseThrow();
  }

  @Test
  void siluIsRightFromOneEndToTheOtherAndKeepsWhatIsNotANumber() {
    LayerKernels kernels = kernels();
    try (TensorScope scope = TensorScope.open()) {
      Tensor gate = torch.linspace(new Scalar(-80), new Scalar(80), 160_001).view(1, 1, -1);
      Tensor active = torch.empty_like(gate);
      kernels.swiGlu(gate, torch.ones_like(gate), active);
      Tensor exact = torch.silu(gate.to(ScalarType.Double));
      Tensor error =
          active.to(ScalarType.Double).sub(exact).abs().div(exact.abs().add(new Scalar(1e-30)));
      assertThat(error.max().item_double()).isLessThan(1e-5);

      Tensor none = torch.full(new long[] {1, 1, 40}, new Scalar(Float.NaN));
      kernels.swiGlu(none, torch.ones_like(none), active.narrow(2, 0, 40));
      assertThat(active.narrow(2, 0, 40).isnan().all().item_bool()).isTrue();
    }
  }
}
