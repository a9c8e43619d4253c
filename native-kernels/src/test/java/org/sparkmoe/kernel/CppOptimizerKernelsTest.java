package org.sparkmoe.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.sparkmoe.kernel.OptimizerKernels.Factors;
import org.sparkmoe.kernel.OptimizerKernels.Flat;
import org.sparkmoe.tensor.TensorScope;

class CppOptimizerKernelsTest extends OptimizerKernelsContract {
  @Override
  OptimizerKernels kernels() {
    Assumptions.assumeTrue(
        OptimizerKernels.nativeCpp().isPresent(), "built without a C++ compiler");
    return OptimizerKernels.nativeCpp().orElseThrow();
  }

  @Test
  void staysWithinRoundingOfLibtorchOverManySteps() {
    OptimizerKernels kernels = kernels();
    try (TensorScope scope = TensorScope.open()) {
      Flat ours = flat();
      Flat theirs =
          new Flat(
              ours.values().clone(), torch.empty(5000), torch.zeros(5000), torch.zeros(5000), null);
      for (int t = 1; t <= 50; t++) {
        Tensor gradient = ours.values().cos();
        ours.gradients().copy_(gradient);
        theirs.gradients().copy_(gradient);
        Factors factors = new Factors(0.7, 0.999, 0.9, 0.95, 1e-8, 0.01);
        kernels.adamW(ours, factors);
        OptimizerKernels.torch().adamW(theirs, factors);
      }
      assertThat(ours.values().sub(theirs.values()).abs().max().item_double()).isLessThan(1e-5);
    }
  }

  private static Flat flat() {
    return new Flat(
        torch.randn(5000), torch.empty(5000), torch.zeros(5000), torch.zeros(5000), null);
  }
}
