package org.sparkmoe.kernel;

import org.bytedeco.pytorch.MemoryFormatOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.global.torch;
import org.jspecify.annotations.Nullable;

/**
 * Routing kernels in C++, {@code src/main/cpp}: every row is read once and written once, by as many
 * threads as libtorch is set to use. The result does not depend on the number of threads, nor on
 * the vector registers of the machine.
 */
final class CppRoutingKernels implements RoutingKernels {
  /** Below this many bytes a team of threads costs more than it brings. */
  private static final long BYTES_OF_ONE_THREAD = 1 << 19;

  @Override
  public Tensor capacityPositions(Tensor experts, int nExperts, boolean choiceMajor) {
    RoutingArguments.experts(experts, nExperts);
    return DeviceRoutingKernels.withoutAutograd(
        () -> {
          refuseOutside("experts", experts, "nExperts", nExperts);
          Tensor positions = torch.empty_like(experts);
          positions(
              address(experts),
              experts.size(0),
              experts.size(1),
              nExperts,
              choiceMajor,
              address(positions));
          return positions;
        });
  }

  @Override
  public Packed packedRows(Tensor experts, int nExperts, boolean choiceMajor) {
    RoutingArguments.experts(experts, nExperts);
    return Packed.of(
        () -> {
          refuseOutside("experts", experts, "nExperts", nExperts);
          Tensor rows = torch.empty_like(experts);
          Tensor counts = torch.zeros(new long[] {nExperts}, experts.options());
          packedRows(
              address(experts),
              experts.size(0),
              experts.size(1),
              nExperts,
              choiceMajor,
              address(rows),
              address(counts));
          return new Tensor[] {rows, counts};
        });
  }

  @Override
  public Tensor capacitySlots(Tensor experts, Places places, boolean choiceMajor) {
    RoutingArguments.capacitySlots(experts, places);
    return DeviceRoutingKernels.withoutAutograd(
        () -> {
          refuseOutside("experts", experts, "nExperts", places.experts());
          Tensor slots = torch.empty_like(experts);
          capacitySlots(
              address(experts),
              experts.size(0),
              experts.size(1),
              numbers(places),
              choiceMajor,
              address(slots));
          return slots;
        });
  }

  @Override
  public Tensor slots(Tensor experts, Tensor positions, Places places) {
    RoutingArguments.slots(experts, positions, places);
    return DeviceRoutingKernels.withoutAutograd(
        () -> {
          refuseOutside("experts", experts, "nExperts", places.experts());
          Tensor slots = torch.empty_like(experts);
          slotsOfPlaces(
              address(experts),
              address(positions),
              experts.size(0),
              experts.size(1),
              numbers(places),
              address(slots));
          return slots;
        });
  }

  @Override
  public Tensor counts(Tensor slots, int nExperts, long capacity) {
    RoutingArguments.counts(slots, nExperts, capacity);
    return DeviceRoutingKernels.withoutAutograd(
        () -> {
          refuseOutside("slots", slots, "nSlots", nExperts * capacity);
          Tensor counts = torch.zeros(new long[] {nExperts}, slots.options());
          slotCounts(address(slots), slots.numel(), capacity, address(counts));
          return counts;
        });
  }

  @Override
  public Tensor order(Tensor tokens, Tensor slots, long nSlots) {
    RoutingArguments.order(tokens, slots);
    return DeviceRoutingKernels.withoutAutograd(() -> scatter(tokens, slots, null, nSlots));
  }

  @Override
  public Tensor orderGradient(Tensor bufferGradient, Tensor slots) {
    RoutingArguments.orderGradient(bufferGradient, slots);
    return DeviceRoutingKernels.withoutAutograd(() -> sum(bufferGradient, slots, null));
  }

  @Override
  public Tensor inverseOrder(Tensor buffer, Tensor slots, Tensor weights) {
    RoutingArguments.inverseOrder(buffer, slots, weights);
    return DeviceRoutingKernels.withoutAutograd(() -> sum(buffer, slots, weights));
  }

  @Override
  public Tensor inverseOrderWeightGradient(Tensor gradient, Tensor buffer, Tensor slots) {
    RoutingArguments.inverseOrderWeightGradient(gradient, buffer, slots);
    return DeviceRoutingKernels.withoutAutograd(
        () -> {
          refuseOutside("slots", slots, "nSlots", buffer.size(0));
          Tensor dots =
              torch.empty(
                  new long[] {slots.size(0), slots.size(1)},
                  new TensorOptions(RoutingArguments.accumulatorType(buffer)),
                  new MemoryFormatOptional());
          weightGradient(
              Device.type(buffer),
              shape(slots, buffer, buffer.size(0)),
              address(gradient),
              address(buffer),
              address(dots));
          return dots;
        });
  }

  @Override
  public Tensor inverseOrderBufferGradient(
      Tensor gradient, Tensor slots, Tensor weights, long nSlots) {
    RoutingArguments.inverseOrderBufferGradient(gradient, slots, weights);
    return DeviceRoutingKernels.withoutAutograd(() -> scatter(gradient, slots, weights, nSlots));
  }

  private static Tensor scatter(
      Tensor tokens, Tensor slots, @Nullable Tensor weights, long nSlots) {
    refuseOutside("slots", slots, "nSlots", nSlots);
    Tensor buffer = empty(tokens, nSlots);
    order(
        Device.type(tokens),
        shape(slots, tokens, nSlots),
        address(tokens),
        weights == null ? 0 : address(weights),
        address(buffer));
    return buffer;
  }

  private static Tensor sum(Tensor buffer, Tensor slots, @Nullable Tensor weights) {
    refuseOutside("slots", slots, "nSlots", buffer.size(0));
    Tensor tokens = empty(buffer, slots.size(0));
    inverseOrder(
        Device.type(buffer),
        shape(slots, buffer, buffer.size(0)),
        address(buffer),
        weights == null ? 0 : address(weights),
        address(tokens));
    return tokens;
  }

  private static Tensor empty(Tensor like, long rows) {
    return torch.empty(new long[] {rows, like.size(1)}, like.options(), new MemoryFormatOptional());
  }

  private static void refuseOutside(String name, Tensor index, String limitName, long limit) {
    long bad = outside(address(index), index.numel(), limit);
    if (bad >= 0) {
      long value = index.view(-1).get(bad).item_long();
      throw RoutingArguments.outside(name, value, limitName, limit);
    }
  }

  private static long address(Tensor tensor) {
    if (!tensor.is_cpu()) {
      throw new IllegalArgumentException(
          "the C++ kernels take tensors on the CPU, not on %s"
              .formatted(tensor.device().str().getString()));
    }
    return tensor.numel() == 0 ? 0 : tensor.data_ptr().address();
  }

  /** As {@code jni.cpp} reads them. */
  private static long[] numbers(Places places) {
    return new long[] {places.experts(), places.groupTokens(), places.limit(), places.capacity()};
  }

  /** As {@code jni.cpp} reads it. */
  private static long[] shape(Tensor slots, Tensor rows, long nSlots) {
    boolean small = rows.nbytes() < BYTES_OF_ONE_THREAD;
    return new long[] {
      address(slots),
      slots.size(0),
      slots.size(1),
      rows.size(1),
      nSlots,
      small ? 1 : torch.get_num_threads()
    };
  }

  private static native long outside(long index, long n, long limit);

  private static native void positions(
      long experts, long tokens, long choices, int nExperts, boolean choiceMajor, long positions);

  private static native void packedRows(
      long experts,
      long tokens,
      long choices,
      int nExperts,
      boolean choiceMajor,
      long rows,
      long counts);

  private static native void capacitySlots(
      long experts, long tokens, long choices, long[] places, boolean choiceMajor, long slots);

  private static native void slotsOfPlaces(
      long experts, long positions, long tokens, long choices, long[] places, long slots);

  private static native void slotCounts(long slots, long n, long capacity, long counts);

  private static native void order(int type, long[] shape, long tokens, long weights, long buffer);

  private static native void inverseOrder(
      int type, long[] shape, long buffer, long weights, long tokens);

  private static native void weightGradient(
      int type, long[] shape, long gradient, long buffer, long dots);
}
