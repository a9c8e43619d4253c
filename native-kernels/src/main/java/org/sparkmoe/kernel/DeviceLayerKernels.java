package org.sparkmoe.kernel;

import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/** Layer kernels on the device, {@code expert.cu}. */
final class DeviceLayerKernels implements LayerKernels {
  private final Device device;

  DeviceLayerKernels(Device device) {
    this.device = device;
  }

  @Override
  public void swiGlu(Tensor gate, Tensor up, Tensor active) {
    LayerArguments.swiGlu(gate, up, "active", active);
    device.check(
        "SwiGLU",
        DeviceLibrary.swiGlu(
            device.library().table(),
            device.stream(),
            Device.type(gate),
            Device.address(gate),
            Device.address(up),
            Device.address(active),
            gate.size(0),
            gate.size(1) * gate.size(2),
            gate.stride(0),
            up.stride(0),
            active.stride(0)));
  }

  @Override
  public void swiGluGradient(Tensor activeGradient, Tensor gate, Tensor up) {
    LayerArguments.swiGlu(gate, up, "activeGradient", activeGradient);
    device.check(
        "SwiGLU gradient",
        DeviceLibrary.swiGluGradient(
            device.library().table(),
            device.stream(),
            Device.type(gate),
            Device.address(activeGradient),
            Device.address(gate),
            Device.address(up),
            gate.size(0),
            gate.size(1) * gate.size(2),
            activeGradient.stride(0),
            gate.stride(0),
            up.stride(0)));
  }

  @Override
  public Tensor transposeBlocks(Tensor rows, int outer, int inner) {
    LayerArguments.transposeBlocks(rows, outer, inner);
    return DeviceRoutingKernels.withoutAutograd(
        () -> {
          Tensor output = torch.empty_like(rows);
          device.check(
              "transpose blocks",
              DeviceLibrary.transposeBlocks(
                  device.library().table(),
                  device.stream(),
                  Device.address(rows),
                  outer,
                  inner,
                  rows.nbytes() / ((long) outer * inner),
                  Device.address(output)));
          return output;
        });
  }

  @Override
  public void clearAfter(Tensor endsG, Tensor rows) {
    LayerArguments.clearAfter(endsG, rows);
    device.check(
        "clear rows",
        DeviceLibrary.clearAfter(
            device.library().table(),
            device.stream(),
            Device.address(endsG),
            (int) endsG.size(0),
            rows.size(0),
            rows.size(1) * rows.element_size(),
            Device.address(rows)));
  }
}
