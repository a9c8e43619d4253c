package org.sparkmoe.kernel;

import java.util.Optional;
import org.bytedeco.pytorch.Tensor;

/** The GPU's kernels, if the build packed them and the tensor lies there; else libtorch's. */
final class DeviceKernels {
  private static final Optional<Device> CUDA =
      DeviceLibrary.bundled().filter(library -> library.devices() > 0).map(Device::cuda);

  private DeviceKernels() {}

  private static Optional<Device> of(Tensor tensor) {
    return tensor.is_cuda() ? CUDA : Optional.empty();
  }

  static RoutingKernels routing(Tensor tensor) {
    return of(tensor)
        .<RoutingKernels>map(DeviceRoutingKernels::new)
        .orElseGet(RoutingKernels::torch);
  }

  static GateKernels gate(Tensor tensor) {
    return of(tensor).<GateKernels>map(DeviceGateKernels::new).orElseGet(GateKernels::torch);
  }

  static OptimizerKernels optimizer(Tensor tensor) {
    return of(tensor)
        .<OptimizerKernels>map(DeviceOptimizerKernels::new)
        .orElseGet(OptimizerKernels::torch);
  }

  static LayerKernels layer(Tensor tensor) {
    return of(tensor).<LayerKernels>map(DeviceLayerKernels::new).orElseGet(LayerKernels::torch);
  }
}
