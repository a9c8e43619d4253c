package org.sparkmoe.moe.order;

import org.bytedeco.pytorch.Tensor;
import org.jspecify.annotations.Nullable;
import org.sparkmoe.kernel.RoutingKernels;
import org.sparkmoe.moe.DenseRouting;
import org.sparkmoe.moe.Order;
import org.sparkmoe.moe.OrderProvider;
import org.sparkmoe.moe.Routing;
import org.sparkmoe.moe.SparseRouting;
import org.sparkmoe.tensor.SegmentTape;

/** Copies rows by index, with adjoints of its own. A dense routing goes by products. */
public final class SparseOrder implements OrderProvider {

  @Override
  public String name() {
    return "sparse";
  }

  @Override
  public String source() {
    return "Hwang et al. 2023 (Tutel), sparse kernels; FSMoE §3.1";
  }

  @Override
  public Order create(int experts) {
    return new Sparse(experts, RoutingKernels.best(), new EinsumOrder().create(experts));
  }

  private record Sparse(int experts, RoutingKernels kernels, Order dense) implements Order {

    @Override
    public Tensor order(SegmentTape tape, Tensor tokensSM, Routing routing) {
      if (routing instanceof DenseRouting) {
        return dense.order(tape, tokensSM, routing);
      }
      SparseRouting sparse = (SparseRouting) routing;
      Tensor slots = sparse.slotsSK().contiguous();
      long places = experts * sparse.capacity();
      Tensor buffer =
          kernels
              .order(tokensSM.contiguous(), slots, places)
              .view(experts, sparse.capacity(), tokensSM.size(1));
      return tape.record(
              new Tensor[] {tokensSM},
              new Tensor[] {buffer},
              gradients -> {
                Tensor gradient = rows(gradients[0]);
                return new @Nullable Tensor[] {
                  gradient == null ? null : kernels.orderGradient(gradient, slots)
                };
              })[0];
    }

    @Override
    public Tensor inverse(SegmentTape tape, Tensor bufferECM, Routing routing) {
      if (routing instanceof DenseRouting) {
        return dense.inverse(tape, bufferECM, routing);
      }
      SparseRouting sparse = (SparseRouting) routing;
      Tensor slots = sparse.slotsSK().contiguous();
      Tensor weights = sparse.weightsSK().contiguous();
      Tensor buffer = bufferECM.reshape(-1, bufferECM.size(2)).contiguous();
      Tensor output = kernels.inverseOrder(buffer, slots, weights);
      return tape.record(
              new Tensor[] {bufferECM, sparse.weightsSK()},
              new Tensor[] {output},
              gradients -> inverseGradients(gradients[0], buffer, slots, weights, bufferECM))[0];
    }

    private @Nullable Tensor[] inverseGradients(
        @Nullable Tensor gradient, Tensor buffer, Tensor slots, Tensor weights, Tensor bufferECM) {
      if (gradient == null) {
        return new @Nullable Tensor[2];
      }
      Tensor rows = gradient.contiguous();
      return new @Nullable Tensor[] {
        kernels
            .inverseOrderBufferGradient(rows, slots, weights, buffer.size(0))
            .view(bufferECM.sizes().vec().get()),
        kernels.inverseOrderWeightGradient(rows, buffer, slots)
      };
    }

    private static @Nullable Tensor rows(@Nullable Tensor bufferECM) {
      return bufferECM == null ? null : bufferECM.reshape(-1, bufferECM.size(2)).contiguous();
    }
  }
}
