package org.sparkmoe.kernel;

import java.util.function.Supplier;
import org.bytedeco.pytorch.AutoGradMode;
import org.bytedeco.pytorch.ScalarTypeOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.jspecify.annotations.Nullable;
import org.sparkmoe.tensor.TensorScope;

/**
 * Routing kernels on the device, {@code routing.cu} and {@code places.cu}. Nothing waits for the
 * device; what becomes of indices out of range is told in {@link Device}.
 */
final class DeviceRoutingKernels implements RoutingKernels {
  /** Of {@code device_kernels.h}. */
  private static final int MAX_CHOICES = 16;

  private final Device device;

  DeviceRoutingKernels(Device device) {
    this.device = device;
  }

  @Override
  public Tensor capacityPositions(Tensor experts, int nExperts, boolean choiceMajor) {
    RoutingArguments.experts(experts, nExperts);
    return withoutAutograd(() -> queues(device, experts, nExperts, choiceMajor)[0]);
  }

  /**
   * Positions in the queues of experts and the lengths of the queues.
   *
   * @param experts {@code [S, K] i64}
   * @return {@code [S, K] i64} and {@code [E] i64}
   */
  static Tensor[] queues(Device device, Tensor experts, int nExperts, boolean choiceMajor) {
    Tensor counts = tileCounts(device, experts, nExperts, experts.size(0), choiceMajor);
    Tensor positions = torch.empty_like(experts);
    Tensor lengths = empty(experts, ScalarType.Long, nExperts);
    device.check(
        "positions",
        DeviceLibrary.positions(
            device.library().table(),
            device.stream(),
            Device.address(experts),
            experts.size(0),
            (int) experts.size(1),
            nExperts,
            choiceMajor,
            Device.address(counts),
            Device.address(positions),
            Device.address(lengths),
            device.fault(experts)));
    device.indicesUsed("experts", experts, "nExperts", nExperts);
    return new Tensor[] {positions, lengths};
  }

  @Override
  public Packed packedRows(Tensor experts, int nExperts, boolean choiceMajor) {
    RoutingArguments.experts(experts, nExperts);
    return Packed.of(
        () -> {
          Tensor tiles = tileCounts(device, experts, nExperts, experts.size(0), choiceMajor);
          Tensor starts = empty(experts, ScalarType.Long, nExperts);
          Tensor rows = torch.empty_like(experts);
          Tensor counts = empty(experts, ScalarType.Long, nExperts);
          device.check(
              "packed rows",
              DeviceLibrary.packedRows(
                  device.library().table(),
                  device.stream(),
                  Device.address(experts),
                  experts.size(0),
                  (int) experts.size(1),
                  nExperts,
                  choiceMajor,
                  Device.address(tiles),
                  Device.address(starts),
                  Device.address(rows),
                  Device.address(counts),
                  device.fault(experts)));
          device.indicesUsed("experts", experts, "nExperts", nExperts);
          return new Tensor[] {rows, counts};
        });
  }

  /** Scratch of the kernels that take places. */
  private static Tensor tileCounts(
      Device device, Tensor experts, int nExperts, long groupTokens, boolean choiceMajor) {
    int choices = (int) experts.size(1);
    if (choices > MAX_CHOICES) {
      throw new IllegalArgumentException(
          "experts has %d choices, the device kernel takes at most %d"
              .formatted(choices, MAX_CHOICES));
    }
    long size =
        DeviceLibrary.positionScratch(
            device.library().table(), experts.size(0), nExperts, choices, groupTokens, choiceMajor);
    return empty(experts, ScalarType.Int, size);
  }

  @Override
  public Tensor capacitySlots(Tensor experts, Places places, boolean choiceMajor) {
    RoutingArguments.capacitySlots(experts, places);
    return withoutAutograd(
        () -> {
          Tensor slots = torch.empty_like(experts);
          Tensor counts =
              tileCounts(device, experts, places.experts(), places.groupTokens(), choiceMajor);
          device.check(
              "capacity slots",
              DeviceLibrary.capacitySlots(
                  device.library().table(),
                  device.stream(),
                  Device.address(experts),
                  experts.size(0),
                  (int) experts.size(1),
                  places.experts(),
                  places.groupTokens(),
                  places.limit(),
                  places.capacity(),
                  choiceMajor,
                  Device.address(counts),
                  Device.address(slots),
                  device.fault(experts)));
          device.indicesUsed("experts", experts, "nExperts", places.experts());
          return slots;
        });
  }

  @Override
  public Tensor slots(Tensor experts, Tensor positions, Places places) {
    RoutingArguments.slots(experts, positions, places);
    return withoutAutograd(
        () -> {
          Tensor slots = torch.empty_like(experts);
          device.check(
              "slots",
              DeviceLibrary.slotsOfPlaces(
                  device.library().table(),
                  device.stream(),
                  Device.address(experts),
                  Device.address(positions),
                  experts.numel(),
                  (int) experts.size(1),
                  places.experts(),
                  places.groupTokens(),
                  places.limit(),
                  places.capacity(),
                  Device.address(slots),
                  device.fault(experts)));
          device.indicesUsed("experts", experts, "nExperts", places.experts());
          return slots;
        });
  }

  @Override
  public Tensor counts(Tensor slots, int nExperts, long capacity) {
    RoutingArguments.counts(slots, nExperts, capacity);
    return withoutAutograd(
        () -> {
          Tensor counts = empty(slots, ScalarType.Long, nExperts);
          device.check(
              "slot counts",
              DeviceLibrary.slotCounts(
                  device.library().table(),
                  device.stream(),
                  Device.address(slots),
                  slots.numel(),
                  nExperts,
                  capacity,
                  Device.address(counts),
                  device.fault(slots)));
          device.indicesUsed("slots", slots, "nSlots", nExperts * capacity);
          return counts;
        });
  }

  @Override
  public Tensor order(Tensor tokens, Tensor slots, long nSlots) {
    RoutingArguments.order(tokens, slots);
    return withoutAutograd(() -> gather(tokens, slots, null, nSlots));
  }

  @Override
  public Tensor orderGradient(Tensor bufferGradient, Tensor slots) {
    RoutingArguments.orderGradient(bufferGradient, slots);
    return withoutAutograd(() -> sum(bufferGradient, slots, null));
  }

  @Override
  public Tensor inverseOrder(Tensor buffer, Tensor slots, Tensor weights) {
    RoutingArguments.inverseOrder(buffer, slots, weights);
    return withoutAutograd(() -> sum(buffer, slots, weights));
  }

  @Override
  public Tensor inverseOrderWeightGradient(Tensor gradient, Tensor buffer, Tensor slots) {
    RoutingArguments.inverseOrderWeightGradient(gradient, buffer, slots);
    return withoutAutograd(() -> dots(gradient, buffer, slots));
  }

  @Override
  public Tensor inverseOrderBufferGradient(
      Tensor gradient, Tensor slots, Tensor weights, long nSlots) {
    RoutingArguments.inverseOrderBufferGradient(gradient, slots, weights);
    return withoutAutograd(() -> gather(gradient, slots, weights, nSlots));
  }

  /** {@code [nSlots, M]}: the row of each slot's token, times its weight. */
  private Tensor gather(Tensor tokens, Tensor slots, @Nullable Tensor weights, long nSlots) {
    long table = device.library().table();
    Tensor map = empty(slots, ScalarType.Int, nSlots);
    device.check(
        "slot map",
        DeviceLibrary.slotMap(
            table,
            device.stream(),
            Device.address(slots),
            slots.numel(),
            nSlots,
            Device.address(map),
            device.fault(slots)));
    device.indicesUsed("slots", slots, "nSlots", nSlots);
    Tensor buffer = torch.empty(new long[] {nSlots, tokens.size(1)}, tokens.options(), null);
    device.check(
        "order",
        DeviceLibrary.order(
            table,
            device.stream(),
            Device.type(tokens),
            Device.address(tokens),
            Device.address(map),
            Device.address(weights),
            nSlots,
            tokens.size(1),
            (int) slots.size(1),
            Device.address(buffer)));
    return buffer;
  }

  /** {@code [S, M]}: the sum over the slots of each token, times their weights. */
  private Tensor sum(Tensor buffer, Tensor slots, @Nullable Tensor weights) {
    long[] shape = {slots.size(0), buffer.size(1)};
    Tensor output = torch.empty(shape, buffer.options(), null);
    device.check(
        "inverse order",
        DeviceLibrary.inverseOrder(
            device.library().table(),
            device.stream(),
            Device.type(buffer),
            Device.address(buffer),
            Device.address(slots),
            Device.address(weights),
            slots.size(0),
            (int) slots.size(1),
            buffer.size(1),
            buffer.size(0),
            Device.address(output),
            device.fault(slots)));
    device.indicesUsed("slots", slots, "nSlots", buffer.size(0));
    return output;
  }

  private Tensor dots(Tensor gradient, Tensor buffer, Tensor slots) {
    Tensor dots =
        empty(buffer, RoutingArguments.accumulatorType(buffer), slots.size(0), slots.size(1));
    device.check(
        "weight gradient",
        DeviceLibrary.weightGradient(
            device.library().table(),
            device.stream(),
            Device.type(buffer),
            Device.address(gradient),
            Device.address(buffer),
            Device.address(slots),
            slots.size(0),
            (int) slots.size(1),
            buffer.size(1),
            buffer.size(0),
            Device.address(dots),
            device.fault(slots)));
    device.indicesUsed("slots", slots, "nSlots", buffer.size(0));
    return dots;
  }

  /** A tensor on the device of {@code like}. */
  static Tensor empty(Tensor like, ScalarType type, long... shape) {
    return torch.empty(shape, like.options().dtype(new ScalarTypeOptional(type)), null);
  }

  static Tensor withoutAutograd(Supplier<Tensor> body) {
    try (AutoGradMode off = new AutoGradMode(false)) {
      return TensorScope.compute(body);
    }
  }
}
