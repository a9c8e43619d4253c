package org.sparkmoe.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import net.jqwik.api.Example;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.sparkmoe.tensor.NativeLibrary;
import org.sparkmoe.tensor.TensorScope;

/** The C++ kernels, or what stands in for them where the build had no compiler. */
class BestRoutingKernelsTest extends RoutingKernelsContract {
  private final RoutingKernelsByDevice kernels = (RoutingKernelsByDevice) RoutingKernels.best();

  @Override
  RoutingKernels kernels() {
    return kernels;
  }

  @Example
  void onTheCpuTheBestAreInCppExactlyWhereTheLibraryIs() {
    boolean library = NativeLibrary.problem().isEmpty();
    assertThat(kernels.onTheCpu())
        .isInstanceOf(library ? CppRoutingKernels.class : TorchRoutingKernels.class);
    assertThat(RoutingKernels.nativeCpp().isPresent()).isEqualTo(library);
  }

  @Example
  void severalThreadsGiveTheBitsOfOne() {
    int before = torch.get_num_threads();
    try (TensorScope scope = TensorScope.open()) {
      Tensor slots = torch.randperm(4096, new TensorOptions(ScalarType.Long)).view(2048, 2);
      Tensor tokens = torch.randn(2048, 130);
      Tensor weights = torch.randn(2048, 2);
      torch.set_num_threads(1);
      Tensor[] one = results(tokens, slots, weights);
      torch.set_num_threads(3);
      Tensor[] three = results(tokens, slots, weights);
      for (int i = 0; i < one.length; i++) {
        assertThat(three[i].equal(one[i])).isTrue();
      }
    } finally {
      torch.set_num_threads(before);
    }
  }

  private Tensor[] results(Tensor tokens, Tensor slots, Tensor weights) {
    Tensor buffer = kernels.inverseOrderBufferGradient(tokens, slots, weights, 4100);
    return new Tensor[] {
      buffer,
      kernels.order(tokens, slots, 4100),
      kernels.inverseOrder(buffer, slots, weights),
      kernels.inverseOrderWeightGradient(tokens, buffer, slots)
    };
  }

  @Example
  void infinityAndNotANumberSurviveRoundingToBf16() {
    try (TensorScope scope = TensorScope.open()) {
      Tensor slots = torch.zeros(1, 1).to(ScalarType.Long);
      Tensor buffer =
          torch
              .stack(
                  new TensorVector(
                      torch.full(new long[] {1}, new Scalar(Float.NaN)),
                      torch.full(new long[] {1}, new Scalar(Float.POSITIVE_INFINITY)),
                      torch.full(new long[] {1}, new Scalar(-1f))),
                  1)
              .to(ScalarType.BFloat16);
      Tensor weights = torch.full(new long[] {1, 1}, new Scalar(Float.MAX_VALUE));
      Tensor expected = buffer.mul(weights).to(ScalarType.BFloat16);
      Tensor actual = kernels.inverseOrder(buffer, slots, weights);
      assertThat(torch.allclose(actual, expected, 0, 0, true)).isTrue();
    }
  }
}
