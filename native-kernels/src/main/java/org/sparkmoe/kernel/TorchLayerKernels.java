package org.sparkmoe.kernel;

import org.bytedeco.pytorch.AutoGradMode;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.sparkmoe.tensor.TensorScope;

/** Layer kernels out of libtorch's operators. */
final class TorchLayerKernels implements LayerKernels {

  @Override
  public void swiGlu(Tensor gate, Tensor up, Tensor active) {
    LayerArguments.swiGlu(gate, up, "active", active);
    try (TensorScope scope = TensorScope.open();
        AutoGradMode off = new AutoGradMode(false)) {
      if (gate.scalar_type().intern() == ScalarType.BFloat16) {
        active.copy_(torch.silu(wide(gate)).mul_(up));
      } else {
        torch.silu_out(active, gate);
        active.mul_(up);
      }
    }
  }

  @Override
  public void swiGluGradient(Tensor activeGradient, Tensor gate, Tensor up) {
    LayerArguments.swiGlu(gate, up, "activeGradient", activeGradient);
    try (TensorScope scope = TensorScope.open();
        AutoGradMode off = new AutoGradMode(false)) {
      Tensor wideGate = wide(gate);
      Tensor wideGradient = wide(activeGradient);
      Tensor upGradient = torch.silu(wideGate).mul(wideGradient);
      gate.copy_(torch.silu_backward(wideGradient.mul(up), wideGate));
      up.copy_(upGradient);
    }
  }

  private static Tensor wide(Tensor tensor) {
    return tensor.scalar_type().intern() == ScalarType.BFloat16
        ? tensor.to(ScalarType.Float)
        : tensor;
  }

  @Override
  public Tensor transposeBlocks(Tensor rows, int outer, int inner) {
    LayerArguments.transposeBlocks(rows, outer, inner);
    return DeviceRoutingKernels.withoutAutograd(
        () -> rows.view(outer, inner, -1).transpose(0, 1).contiguous().view_as(rows));
  }

  @Override
  public void clearAfter(Tensor endsG, Tensor rows) {
    LayerArguments.clearAfter(endsG, rows);
    try (TensorScope scope = TensorScope.open();
        AutoGradMode off = new AutoGradMode(false)) {
      Tensor end = endsG.narrow(0, endsG.size(0) - 1, 1);
      Tensor after = torch.arange(new Scalar(rows.size(0)), endsG.options()).ge(end);
      rows.masked_fill_(after.unsqueeze(1), new Scalar(0L));
    }
  }
}
