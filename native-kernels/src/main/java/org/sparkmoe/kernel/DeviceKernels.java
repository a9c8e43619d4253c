package org.sparkmoe.kernel;

import java.util.Optional;

/** The GPU's kernels, if the build packed them and there is a GPU. */
final class DeviceKernels {
  private static final Optional<Device> CUDA =
      DeviceLibrary.bundled().filter(library -> library.devices() > 0).map(Device::cuda);

  private DeviceKernels() {}

  static RoutingKernels routing() {
    return CUDA.<RoutingKernels>map(DeviceRoutingKernels::new).orElseGet(RoutingKernels::torch);
  }

  static GateKernels gate() {
    return CUDA.<GateKernels>map(DeviceGateKernels::new).orElseGet(GateKernels::torch);
  }

  static OptimizerKernels optimizer() {
    return CUDA.<OptimizerKernels>map(DeviceOptimizerKernels::new)
        .orElseGet(OptimizerKernels::torch);
  }

  static LayerKernels layer() {
    return CUDA.<LayerKernels>map(DeviceLayerKernels::new).orElseGet(LayerKernels::torch);
  }
}
