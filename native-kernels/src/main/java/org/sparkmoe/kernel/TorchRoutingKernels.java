package org.sparkmoe.kernel;

import org.bytedeco.pytorch.BoolOptional;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.ScalarTypeOptional;
import org.bytedeco.pytorch.T_TensorTensor_T;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/** Routing kernels out of libtorch's index operators; on a GPU they read nothing on the host. */
final class TorchRoutingKernels implements RoutingKernels {
  @Override
  public Tensor capacityPositions(Tensor experts, int nExperts, boolean choiceMajor) {
    RoutingArguments.experts(experts, nExperts);
    RoutingArguments.range("experts", experts, "nExperts", nExperts);
    return DeviceRoutingKernels.withoutAutograd(
        () -> {
          Tensor inPriority = choiceMajor ? experts.t().contiguous() : experts;
          Tensor positions =
              positions(inPriority.view(-1), nExperts).view(inPriority.size(0), inPriority.size(1));
          return choiceMajor ? positions.t().contiguous() : positions;
        });
  }

  /** Assignments sorted by expert, in a stable way, stand in the order of their positions. */
  private static Tensor positions(Tensor experts, int nExperts) {
    Tensor none = experts.lt(zero());
    Tensor keys = experts.masked_fill(none, new Scalar((long) nExperts));
    T_TensorTensor_T sorted = keys.sort(new BoolOptional(true), 0, false);
    Tensor counts = counts(keys, nExperts + 1L);
    Tensor starts = counts.cumsum(0).sub(counts);
    Tensor places =
        torch
            .arange(new Scalar(experts.numel()), experts.options())
            .sub(starts.index_select(0, sorted.get0()));
    Tensor positions = torch.empty_like(experts);
    positions.scatter_(0, sorted.get1(), places);
    return positions.masked_fill_(none, new Scalar(-1L));
  }

  /** How often each key occurs. Not by bincount, which reads the largest key. */
  private static Tensor counts(Tensor keys, long size) {
    return torch
        .zeros(new long[] {size}, keys.options())
        .scatter_add_(0, keys, torch.ones_like(keys));
  }

  /** Assignments sorted by expert, in a stable way, stand in the order of their rows. */
  @Override
  public Packed packedRows(Tensor experts, int nExperts, boolean choiceMajor) {
    RoutingArguments.experts(experts, nExperts);
    RoutingArguments.range("experts", experts, "nExperts", nExperts);
    return Packed.of(
        () -> {
          Tensor inPriority = choiceMajor ? experts.t().contiguous() : experts;
          Tensor none = inPriority.lt(zero());
          Tensor keys = inPriority.masked_fill(none, new Scalar((long) nExperts)).view(-1);
          Tensor order = keys.sort(new BoolOptional(true), 0, false).get1();
          Tensor rows = torch.empty_like(keys);
          rows.scatter_(0, order, torch.arange(new Scalar(keys.numel()), keys.options()));
          Tensor kept = rows.view_as(inPriority).masked_fill(none, new Scalar(-1L));
          Tensor counts = counts(keys, nExperts + 1L);
          return new Tensor[] {
            choiceMajor ? kept.t().contiguous() : kept, counts.narrow(0, 0, nExperts).clone()
          };
        });
  }

  @Override
  public Tensor capacitySlots(Tensor experts, Places places, boolean choiceMajor) {
    RoutingArguments.capacitySlots(experts, places);
    RoutingArguments.range("experts", experts, "nExperts", places.experts());
    return DeviceRoutingKernels.withoutAutograd(
        () -> {
          long groups = experts.size(0) / places.groupTokens();
          int queues = Math.toIntExact(Math.max(1, groups) * places.experts());
          Tensor positions = capacityPositions(places.byGroup(experts), queues, choiceMajor);
          return ofPlaces(experts, positions, places);
        });
  }

  @Override
  public Tensor slots(Tensor experts, Tensor positions, Places places) {
    RoutingArguments.slots(experts, positions, places);
    RoutingArguments.range("experts", experts, "nExperts", places.experts());
    return DeviceRoutingKernels.withoutAutograd(() -> ofPlaces(experts, positions, places));
  }

  private static Tensor ofPlaces(Tensor experts, Tensor positions, Places places) {
    Tensor kept =
        positions
            .lt(new Scalar(places.limit()))
            .logical_and_(positions.ge(zero()))
            .logical_and_(experts.ge(zero()));
    Tensor slots = experts.mul(new Scalar(places.capacity())).add_(positions);
    if (experts.size(0) > places.groupTokens()) {
      slots.add_(places.groupOfToken(experts).mul_(new Scalar(places.limit())));
    }
    return torch.where(kept, slots, new Scalar(-1L));
  }

  @Override
  public Tensor counts(Tensor slots, int nExperts, long capacity) {
    RoutingArguments.counts(slots, nExperts, capacity);
    RoutingArguments.range("slots", slots, "nSlots", nExperts * capacity);
    return DeviceRoutingKernels.withoutAutograd(
        () -> {
          Tensor flat = slots.view(-1);
          Tensor experts = flat.clamp_min(zero()).floor_divide(new Scalar(capacity));
          return torch
              .zeros(new long[] {nExperts}, slots.options())
              .scatter_add_(0, experts, flat.ge(zero()).to(ScalarType.Long));
        });
  }

  @Override
  public Tensor order(Tensor tokens, Tensor slots, long nSlots) {
    RoutingArguments.order(tokens, slots);
    RoutingArguments.range("slots", slots, "nSlots", nSlots);
    return DeviceRoutingKernels.withoutAutograd(
        () -> scatter(tokens, assignmentOfSlot(slots, nSlots), slots.size(1)));
  }

  @Override
  public Tensor orderGradient(Tensor bufferGradient, Tensor slots) {
    RoutingArguments.orderGradient(bufferGradient, slots);
    RoutingArguments.range("slots", slots, "nSlots", bufferGradient.size(0));
    return DeviceRoutingKernels.withoutAutograd(
        () -> {
          Tensor sum = accumulator(slots.size(0), bufferGradient);
          for (long k = 0; k < slots.size(1); k++) {
            sum.add_(gather(bufferGradient, slots.select(1, k)));
          }
          return sum.to(bufferGradient.scalar_type());
        });
  }

  @Override
  public Tensor inverseOrder(Tensor buffer, Tensor slots, Tensor weights) {
    RoutingArguments.inverseOrder(buffer, slots, weights);
    RoutingArguments.range("slots", slots, "nSlots", buffer.size(0));
    return DeviceRoutingKernels.withoutAutograd(
        () -> {
          Tensor sum = accumulator(slots.size(0), buffer);
          for (long k = 0; k < slots.size(1); k++) {
            sum.addcmul_(gather(buffer, slots.select(1, k)), weights.narrow(1, k, 1));
          }
          return sum.to(buffer.scalar_type());
        });
  }

  @Override
  public Tensor inverseOrderWeightGradient(Tensor gradient, Tensor buffer, Tensor slots) {
    RoutingArguments.inverseOrderWeightGradient(gradient, buffer, slots);
    RoutingArguments.range("slots", slots, "nSlots", buffer.size(0));
    return DeviceRoutingKernels.withoutAutograd(
        () -> {
          Tensor dots = torch.zeros(new long[] {slots.size(0), slots.size(1)}, sumOptions(buffer));
          Tensor wide = gradient.to(RoutingArguments.accumulatorType(buffer));
          for (long k = 0; k < slots.size(1); k++) {
            dots.select(1, k).copy_(gather(buffer, slots.select(1, k)).mul(wide).sum(1));
          }
          return dots;
        });
  }

  @Override
  public Tensor inverseOrderBufferGradient(
      Tensor gradient, Tensor slots, Tensor weights, long nSlots) {
    RoutingArguments.inverseOrderBufferGradient(gradient, slots, weights);
    RoutingArguments.range("slots", slots, "nSlots", nSlots);
    return DeviceRoutingKernels.withoutAutograd(
        () -> {
          Tensor assignment = assignmentOfSlot(slots, nSlots);
          Tensor rows = scatter(gradient, assignment, slots.size(1));
          if (weights.numel() == 0) {
            return rows;
          }
          Tensor factors = weights.view(-1).index_select(0, assignment.clamp_min(zero()));
          return rows.mul_(factors.unsqueeze(1));
        });
  }

  /** {@code [nSlots]}: the place in {@code slots.view(-1)} of each slot, -1 for slots not used. */
  private static Tensor assignmentOfSlot(Tensor slots, long nSlots) {
    Tensor flat = slots.view(-1);
    // Assignments without a slot fall into one more, which is cut off.
    Tensor target = torch.where(flat.ge(zero()), flat, new Scalar(nSlots));
    return torch
        .full(new long[] {nSlots + 1}, new Scalar(-1L), slots.options())
        .scatter_(0, target, torch.arange(new Scalar(flat.numel()), flat.options()))
        .narrow(0, 0, nSlots);
  }

  /** {@code [nSlots, M]}: rows of tokens by slot, zero where the assignment is -1. */
  private static Tensor scatter(Tensor tokens, Tensor assignment, long choices) {
    if (tokens.size(0) == 0 || choices == 0) {
      return torch.zeros(new long[] {assignment.numel(), tokens.size(1)}, tokens.options());
    }
    Tensor source = assignment.clamp_min(zero()).floor_divide(new Scalar(choices));
    Tensor empty = assignment.lt(zero()).unsqueeze(1);
    return tokens.index_select(0, source).masked_fill_(empty, zero());
  }

  /**
   * {@code [S, M]}: the row of each slot, zero where there is none, even if row 0 is not finite.
   */
  private static Tensor gather(Tensor buffer, Tensor slots) {
    if (buffer.size(0) == 0) {
      return torch.zeros(new long[] {slots.numel(), buffer.size(1)}, buffer.options());
    }
    Tensor dropped = slots.lt(zero()).unsqueeze(1);
    return buffer.index_select(0, slots.clamp_min(zero())).masked_fill_(dropped, zero());
  }

  private static Tensor accumulator(long tokens, Tensor rows) {
    return torch.zeros(new long[] {tokens, rows.size(1)}, sumOptions(rows));
  }

  private static TensorOptions sumOptions(Tensor rows) {
    ScalarType type = RoutingArguments.accumulatorType(rows);
    return rows.options().dtype(new ScalarTypeOptional(type));
  }

  /** A new one each time: a native object made in the caller's scope dies with it. */
  private static Scalar zero() {
    return new Scalar(0L);
  }
}
