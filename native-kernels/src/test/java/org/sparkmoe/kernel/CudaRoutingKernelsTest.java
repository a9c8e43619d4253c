package org.sparkmoe.kernel;

import static org.sparkmoe.kernel.CudaDevice.here;
import static org.sparkmoe.kernel.CudaDevice.there;

import net.jqwik.api.Tag;
import org.bytedeco.pytorch.Tensor;
import org.sparkmoe.tensor.TensorScope;

@Tag("cuda")
class CudaRoutingKernelsTest extends RoutingKernelsContract {
  private final RoutingKernels kernels = new OnTheGpu(new DeviceRoutingKernels(CudaDevice.open()));

  @Override
  RoutingKernels kernels() {
    return kernels;
  }

  /** Carries arguments there and results back. */
  private record OnTheGpu(RoutingKernels gpu) implements RoutingKernels {
    @Override
    public Tensor capacityPositions(Tensor experts, int nExperts, boolean choiceMajor) {
      return TensorScope.compute(
          () -> here(gpu.capacityPositions(there(experts), nExperts, choiceMajor)));
    }

    @Override
    public Packed packedRows(Tensor experts, int nExperts, boolean choiceMajor) {
      return Packed.of(
          () -> {
            Packed packed = gpu.packedRows(there(experts), nExperts, choiceMajor);
            return new Tensor[] {here(packed.rows()), here(packed.counts())};
          });
    }

    @Override
    public Tensor capacitySlots(Tensor experts, Places places, boolean choiceMajor) {
      return TensorScope.compute(
          () -> here(gpu.capacitySlots(there(experts), places, choiceMajor)));
    }

    @Override
    public Tensor slots(Tensor experts, Tensor positions, Places places) {
      return TensorScope.compute(() -> here(gpu.slots(there(experts), there(positions), places)));
    }

    @Override
    public Tensor counts(Tensor slots, int nExperts, long capacity) {
      return TensorScope.compute(() -> here(gpu.counts(there(slots), nExperts, capacity)));
    }

    @Override
    public Tensor order(Tensor tokens, Tensor slots, long nSlots) {
      return TensorScope.compute(
          () -> here(gpu.order(there(tokens.detach()), there(slots), nSlots)));
    }

    @Override
    public Tensor orderGradient(Tensor bufferGradient, Tensor slots) {
      return TensorScope.compute(
          () -> here(gpu.orderGradient(there(bufferGradient), there(slots))));
    }

    @Override
    public Tensor inverseOrder(Tensor buffer, Tensor slots, Tensor weights) {
      return TensorScope.compute(
          () -> here(gpu.inverseOrder(there(buffer), there(slots), there(weights))));
    }

    @Override
    public Tensor inverseOrderWeightGradient(Tensor gradient, Tensor buffer, Tensor slots) {
      return TensorScope.compute(
          () -> here(gpu.inverseOrderWeightGradient(there(gradient), there(buffer), there(slots))));
    }

    @Override
    public Tensor inverseOrderBufferGradient(
        Tensor gradient, Tensor slots, Tensor weights, long nSlots) {
      return TensorScope.compute(
          () ->
              here(
                  gpu.inverseOrderBufferGradient(
                      there(gradient), there(slots), there(weights), nSlots)));
    }
  }
}
