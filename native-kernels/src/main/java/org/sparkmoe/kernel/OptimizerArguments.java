package org.sparkmoe.kernel;

import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.sparkmoe.kernel.OptimizerKernels.Flat;
import org.sparkmoe.tensor.TensorCheck;

/** What all implementations of {@link OptimizerKernels} refuse. */
final class OptimizerArguments {
  private OptimizerArguments() {}

  static void adamW(Flat flat) {
    Tensor values = flat.values();
    TensorCheck.dtype("values", values, ScalarType.Float, ScalarType.Double);
    TensorCheck.shape("values", values, TensorCheck.ANY);
    TensorCheck.contiguous("values", values);
    like("gradients", flat.gradients(), values);
    like("firstMoments", flat.firstMoments(), values);
    like("secondMoments", flat.secondMoments(), values);
    Tensor copy = flat.copy();
    if (copy != null) {
      TensorCheck.dtype("copy", copy, ScalarType.BFloat16);
      TensorCheck.shape("copy", copy, values.size(0));
      TensorCheck.contiguous("copy", copy);
    }
  }

  private static void like(String name, Tensor tensor, Tensor values) {
    RoutingArguments.sameType(name, tensor, "values", values);
    TensorCheck.shape(name, tensor, values.size(0));
    TensorCheck.contiguous(name, tensor);
  }
}
