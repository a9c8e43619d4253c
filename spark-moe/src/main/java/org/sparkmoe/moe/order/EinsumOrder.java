package org.sparkmoe.moe.order;

import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.sparkmoe.moe.DenseRouting;
import org.sparkmoe.moe.Order;
import org.sparkmoe.moe.OrderProvider;
import org.sparkmoe.moe.Routing;
import org.sparkmoe.moe.SparseRouting;
import org.sparkmoe.tensor.SegmentTape;

/**
 * GShard's order: a one-hot mask {@code [S, E·C]} times the tokens, and the same mask with weights
 * times the results. Quadratic in S; the oracle of the others, and the only one for dense routings.
 */
public final class EinsumOrder implements OrderProvider {

  @Override
  public String name() {
    return "einsum";
  }

  @Override
  public String source() {
    return "Lepikhin et al. 2021 (GShard), algorithm 2; FSMoE §3.1";
  }

  @Override
  public Order create(int experts) {
    return new Einsum(experts);
  }

  private record Einsum(int experts) implements Order {

    @Override
    public Tensor order(SegmentTape tape, Tensor tokensSM, Routing routing) {
      long[] shape = {experts, routing.capacity(), tokensSM.size(1)};
      if (routing instanceof SparseRouting sparse) {
        return tape.compute(tokensSM, tokens -> product(mask(sparse, null), tokens).reshape(shape));
      }
      DenseRouting dense = (DenseRouting) routing;
      return tape.compute(
              new Tensor[] {tokensSM, dense.dispatch()},
              in -> new Tensor[] {product(in[1], in[0]).reshape(shape)})[0];
    }

    @Override
    public Tensor inverse(SegmentTape tape, Tensor bufferECM, Routing routing) {
      Tensor weights =
          routing instanceof SparseRouting sparse
              ? sparse.weightsSK()
              : ((DenseRouting) routing).combine();
      return tape.compute(
              new Tensor[] {bufferECM, weights},
              in -> {
                Tensor combine =
                    routing instanceof SparseRouting sparse ? mask(sparse, in[1]) : in[1];
                Tensor buffer = in[0].reshape(-1, bufferECM.size(2));
                return new Tensor[] {combine.to(buffer.scalar_type()).matmul(buffer)};
              })[0];
    }

    private static Tensor product(Tensor maskSC, Tensor tokensSM) {
      return maskSC.to(tokensSM.scalar_type()).t().matmul(tokensSM);
    }

    /** {@code [S, E·C]}: {@code weights}, or ones if null, in the slots of each token. */
    private Tensor mask(SparseRouting routing, @org.jspecify.annotations.Nullable Tensor weights) {
      long places = experts * routing.capacity();
      Tensor slots = routing.slotsSK();
      Tensor kept = slots.ge(new Scalar(0));
      // Dropped ones fall into a column that is cut off.
      Tensor target = torch.where(kept, slots, new Scalar(places));
      Tensor values = weights == null ? torch.ones_like(routing.weightsSK().detach()) : weights;
      return torch
          .zeros(new long[] {slots.size(0), places + 1}, values.options())
          .scatter(1, target, values)
          .narrow(1, 0, places);
    }
  }
}
