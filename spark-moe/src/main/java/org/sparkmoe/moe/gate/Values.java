package org.sparkmoe.moe.gate;

import java.nio.DoubleBuffer;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/** Tensors as Java arrays. */
final class Values {
  private Values() {}

  /** Row-major values of a floating tensor of any shape and device. */
  static double[] of(Tensor tensor) {
    Tensor onHost = tensor.detach().cpu().to(ScalarType.Double).contiguous();
    double[] values = new double[Math.toIntExact(onHost.numel())];
    DoubleBuffer buffer = onHost.createBuffer();
    buffer.get(values);
    return values;
  }
}
