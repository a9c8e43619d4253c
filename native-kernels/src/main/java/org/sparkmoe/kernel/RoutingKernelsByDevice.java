package org.sparkmoe.kernel;

import org.bytedeco.pytorch.Tensor;

/** Leaves each call to the kernels of the device on which its tensors are. */
final class RoutingKernelsByDevice implements RoutingKernels {
  private final RoutingKernels cpu;

  RoutingKernelsByDevice(RoutingKernels cpu) {
    this.cpu = cpu;
  }

  /** Those that tensors on the CPU are left to. */
  RoutingKernels onTheCpu() {
    return cpu;
  }

  private RoutingKernels of(Tensor tensor) {
    return tensor.is_cpu() ? cpu : DeviceKernels.routing(tensor);
  }

  @Override
  public Tensor capacityPositions(Tensor experts, int nExperts, boolean choiceMajor) {
    return of(experts).capacityPositions(experts, nExperts, choiceMajor);
  }

  @Override
  public Packed packedRows(Tensor experts, int nExperts, boolean choiceMajor) {
    return of(experts).packedRows(experts, nExperts, choiceMajor);
  }

  @Override
  public Tensor capacitySlots(Tensor experts, Places places, boolean choiceMajor) {
    return of(experts).capacitySlots(experts, places, choiceMajor);
  }

  @Override
  public Tensor slots(Tensor experts, Tensor positions, Places places) {
    return of(experts).slots(experts, positions, places);
  }

  @Override
  public Tensor counts(Tensor slots, int nExperts, long capacity) {
    return of(slots).counts(slots, nExperts, capacity);
  }

  @Override
  public Tensor order(Tensor tokens, Tensor slots, long nSlots) {
    return of(tokens).order(tokens, slots, nSlots);
  }

  @Override
  public Tensor orderGradient(Tensor bufferGradient, Tensor slots) {
    return of(bufferGradient).orderGradient(bufferGradient, slots);
  }

  @Override
  public Tensor inverseOrder(Tensor buffer, Tensor slots, Tensor weights) {
    return of(buffer).inverseOrder(buffer, slots, weights);
  }

  @Override
  public Tensor inverseOrderWeightGradient(Tensor gradient, Tensor buffer, Tensor slots) {
    return of(gradient).inverseOrderWeightGradient(gradient, buffer, slots);
  }

  @Override
  public Tensor inverseOrderBufferGradient(
      Tensor gradient, Tensor slots, Tensor weights, long nSlots) {
    return of(gradient).inverseOrderBufferGradient(gradient, slots, weights, nSlots);
  }
}
