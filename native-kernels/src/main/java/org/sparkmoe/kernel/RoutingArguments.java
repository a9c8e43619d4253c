package org.sparkmoe.kernel;

import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.sparkmoe.kernel.RoutingKernels.Places;
import org.sparkmoe.tensor.TensorCheck;
import org.sparkmoe.tensor.TensorScope;

/** What all implementations of {@link RoutingKernels} refuse; a method for each of theirs. */
final class RoutingArguments {
  private RoutingArguments() {}

  static void experts(Tensor experts, int nExperts) {
    TensorCheck.dtype("experts", experts, ScalarType.Long);
    TensorCheck.shape("experts", experts, TensorCheck.ANY, TensorCheck.ANY);
    TensorCheck.contiguous("experts", experts);
    if (nExperts < 1) {
      throw new IllegalArgumentException("nExperts %d must be positive".formatted(nExperts));
    }
  }

  static void capacitySlots(Tensor experts, Places places) {
    experts(experts, places.experts());
    long n = places.groupTokens();
    if (n < 1 || experts.size(0) % n != 0) {
      throw new IllegalArgumentException(
          "groupTokens %d must divide the %d tokens of experts".formatted(n, experts.size(0)));
    }
    long most = places.limit() * (experts.size(0) / n);
    if (places.limit() < 0 || places.capacity() < most) {
      throw new IllegalArgumentException(
          "capacity %d must be at least limit %d times %d routing groups"
              .formatted(places.capacity(), places.limit(), experts.size(0) / n));
    }
  }

  static void slots(Tensor experts, Tensor positions, Places places) {
    capacitySlots(experts, places);
    TensorCheck.dtype("positions", positions, ScalarType.Long);
    TensorCheck.shape("positions", positions, experts.size(0), experts.size(1));
    TensorCheck.contiguous("positions", positions);
  }

  static void counts(Tensor slots, int nExperts, long capacity) {
    TensorCheck.dtype("slots", slots, ScalarType.Long);
    TensorCheck.contiguous("slots", slots);
    if (nExperts < 1 || capacity < 1) {
      throw new IllegalArgumentException(
          "nExperts %d and capacity %d must be positive".formatted(nExperts, capacity));
    }
  }

  static void order(Tensor tokens, Tensor slots) {
    slots(slots, tokens.size(0));
    rows("tokens", tokens, slots.size(0));
  }

  static void orderGradient(Tensor bufferGradient, Tensor slots) {
    slots(slots, slots.size(0));
    rows("bufferGradient", bufferGradient, bufferGradient.size(0));
  }

  static void inverseOrder(Tensor buffer, Tensor slots, Tensor weights) {
    slots(slots, slots.size(0));
    rows("buffer", buffer, buffer.size(0));
    weights(weights, slots, buffer);
  }

  static void inverseOrderWeightGradient(Tensor gradient, Tensor buffer, Tensor slots) {
    slots(slots, gradient.size(0));
    rows("gradient", gradient, slots.size(0));
    rows("buffer", buffer, buffer.size(0));
    sameType("gradient", gradient, "buffer", buffer);
    sameWidth("gradient", gradient, "buffer", buffer);
  }

  static void inverseOrderBufferGradient(Tensor gradient, Tensor slots, Tensor weights) {
    slots(slots, gradient.size(0));
    rows("gradient", gradient, slots.size(0));
    weights(weights, slots, gradient);
  }

  /** In which dtype sums of rows are taken. */
  static ScalarType accumulatorType(Tensor rows) {
    return rows.scalar_type().intern() == ScalarType.Double ? ScalarType.Double : ScalarType.Float;
  }

  /**
   * Refuses an index that is neither -1 nor below {@code limit}. On a GPU libtorch's operators do,
   * where they meet it: asking here would wait for it.
   */
  static void range(String name, Tensor index, String limitName, long limit) {
    if (index.numel() == 0 || !index.is_cpu()) {
      return;
    }
    try (TensorScope scope = TensorScope.open()) {
      long smallest = index.min().item_long();
      long largest = index.max().item_long();
      if (smallest < -1 || largest >= limit) {
        throw outside(name, smallest < -1 ? smallest : largest, limitName, limit);
      }
    }
  }

  static IllegalArgumentException outside(String name, long value, String limitName, long limit) {
    return new IllegalArgumentException(
        "%s holds %d, allowed: -1 to %d (%s %d)"
            .formatted(name, value, limit - 1, limitName, limit));
  }

  /** A buffer {@code [nSlots, M]} or tokens {@code [S, M]}. */
  private static void rows(String name, Tensor rows, long count) {
    TensorCheck.dtype(name, rows, ScalarType.Float, ScalarType.Double, ScalarType.BFloat16);
    TensorCheck.shape(name, rows, count, TensorCheck.ANY);
    TensorCheck.contiguous(name, rows);
  }

  private static void slots(Tensor slots, long tokens) {
    TensorCheck.dtype("slots", slots, ScalarType.Long);
    TensorCheck.shape("slots", slots, tokens, TensorCheck.ANY);
    TensorCheck.contiguous("slots", slots);
  }

  private static void weights(Tensor weights, Tensor slots, Tensor rows) {
    TensorCheck.dtype("weights", weights, accumulatorType(rows));
    TensorCheck.shape("weights", weights, slots.size(0), slots.size(1));
    TensorCheck.contiguous("weights", weights);
  }

  static void sameType(String name, Tensor tensor, String otherName, Tensor other) {
    if (tensor.scalar_type().intern() != other.scalar_type().intern()) {
      throw new IllegalArgumentException(
          "%s has dtype %s, but %s has %s"
              .formatted(
                  name, tensor.scalar_type().intern(), otherName, other.scalar_type().intern()));
    }
  }

  private static void sameWidth(String name, Tensor tensor, String otherName, Tensor other) {
    if (tensor.size(1) != other.size(1)) {
      throw new IllegalArgumentException(
          "%s has rows of %d elements, but %s of %d"
              .formatted(name, tensor.size(1), otherName, other.size(1)));
    }
  }
}
