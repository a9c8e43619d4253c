package org.sparkmoe.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.Arrays;
import java.util.Random;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.constraints.IntRange;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.sparkmoe.kernel.RoutingKernels.Packed;
import org.sparkmoe.kernel.RoutingKernels.Places;
import org.sparkmoe.tensor.NativeGarbage;
import org.sparkmoe.tensor.TensorScope;

/** What every implementation of the routing kernels must do. */
abstract class RoutingKernelsContract {

  abstract RoutingKernels kernels();

  @Provide
  Arbitrary<RoutingCase> cases() {
    return Combinators.combine(
            Arbitraries.integers().between(0, 40),
            Arbitraries.integers().between(1, 4),
            // Widths around the vector lengths of the machine, and one token of many registers.
            Arbitraries.of(1, 2, 7, 8, 15, 16, 17, 31, 33, 64, 100, 257),
            Arbitraries.of(0, 20, 100),
            Arbitraries.longs())
        .as(RoutingCase::random);
  }

  @Provide
  Arbitrary<ScalarType> dtypes() {
    return Arbitraries.of(ScalarType.Float, ScalarType.Double, ScalarType.BFloat16);
  }

  @Property(tries = 60)
  void everyKernelMatchesPlainLoops(
      @ForAll("cases") RoutingCase c, @ForAll("dtypes") ScalarType dtype) {
    try (TensorScope scope = TensorScope.open()) {
      int m = c.width();
      Tensor slots = longs(c.slots(), c.choices());
      Tensor tokens = rows(c.tokens(), m).to(dtype);
      Tensor buffer = rows(c.buffer(), m).to(dtype);
      int choices = c.choices();
      Tensor weights =
          rows(c.weights(), choices)
              .to(dtype == ScalarType.Double ? ScalarType.Double : ScalarType.Float);
      double[][] ones = new double[c.slots().length][choices];
      Arrays.stream(ones).forEach(row -> Arrays.fill(row, 1));

      assertEqual(
          kernels().order(tokens, slots, c.nSlots()),
          rows(PlainRouting.order(c.tokens(), c.slots(), ones, c.nSlots(), m), m).to(dtype));
      assertEqual(
          kernels().orderGradient(buffer, slots),
          rows(PlainRouting.inverseOrder(c.buffer(), c.slots(), ones, m), m).to(dtype));
      assertEqual(
          kernels().inverseOrder(buffer, slots, weights),
          rows(PlainRouting.inverseOrder(c.buffer(), c.slots(), c.weights(), m), m).to(dtype));
      assertEqual(
          kernels().inverseOrderBufferGradient(tokens, slots, weights, c.nSlots()),
          rows(PlainRouting.order(c.tokens(), c.slots(), c.weights(), c.nSlots(), m), m).to(dtype));
      assertEqual(
          kernels().inverseOrderWeightGradient(tokens, buffer, slots),
          rows(PlainRouting.weightGradient(c.tokens(), c.buffer(), c.slots()), choices)
              .to(weights.scalar_type()));
    }
  }

  @Property(tries = 40)
  void orderThenInverseOrderWithWeightOneIsTheIdentityWhenNothingIsDropped(
      @ForAll @IntRange(min = 1, max = 50) int tokens,
      @ForAll @IntRange(min = 1, max = 80) int width,
      @ForAll("dtypes") ScalarType dtype,
      @ForAll long seed) {
    try (TensorScope scope = TensorScope.open()) {
      RoutingCase c = RoutingCase.random(tokens, 1, width, 0, seed);
      Tensor slots = longs(c.slots(), c.choices());
      Tensor x = torch.randn(tokens, width).to(dtype);
      Tensor one =
          torch
              .ones(tokens, 1)
              .to(dtype == ScalarType.Double ? ScalarType.Double : ScalarType.Float);
      Tensor back = kernels().inverseOrder(kernels().order(x, slots, c.nSlots()), slots, one);
      assertEqual(back, x);
    }
  }

  @Property(tries = 40)
  void positionsMatchPlainLoops(
      @ForAll @IntRange(max = 60) int tokens,
      @ForAll @IntRange(min = 1, max = 4) int choices,
      @ForAll @IntRange(min = 1, max = 9) int nExperts,
      @ForAll boolean choiceMajor,
      @ForAll long seed) {
    try (TensorScope scope = TensorScope.open()) {
      Random random = new Random(seed);
      long[][] experts = new long[tokens][choices];
      for (long[] row : experts) {
        Arrays.setAll(row, k -> random.nextInt(nExperts + 1) - 1);
      }
      assertEqual(
          kernels().capacityPositions(longs(experts, choices), nExperts, choiceMajor),
          longs(PlainRouting.capacityPositions(experts, nExperts, choiceMajor), choices));
    }
  }

  @Property(tries = 60)
  void packedRowsMatchPlainLoops(
      @ForAll @IntRange(max = 200) int tokens,
      @ForAll @IntRange(min = 1, max = 4) int choices,
      @ForAll @IntRange(min = 1, max = 80) int nExperts,
      @ForAll boolean choiceMajor,
      @ForAll long seed) {
    try (TensorScope scope = TensorScope.open()) {
      Random random = new Random(seed);
      long[][] experts = new long[tokens][choices];
      for (long[] row : experts) {
        Arrays.setAll(row, k -> random.nextInt(nExperts + 1) - 1);
      }
      Packed packed = kernels().packedRows(longs(experts, choices), nExperts, choiceMajor);
      assertEqual(
          packed.rows(), longs(PlainRouting.packedRows(experts, nExperts, choiceMajor), choices));
      assertEqual(packed.counts(), Tensor.create(PlainRouting.counts(experts, nExperts, 1)));
    }
  }

  @Example
  void packedRowsHaveNoGapsWhereAssignmentsAreSkipped() {
    try (TensorScope scope = TensorScope.open()) {
      Tensor experts = longs(new long[][] {{2, 0}, {0, -1}, {0, 2}}, 2);
      Packed byToken = kernels().packedRows(experts, 4, false);
      assertEqual(byToken.rows(), longs(new long[][] {{3, 0}, {1, -1}, {2, 4}}, 2));
      assertEqual(byToken.counts(), Tensor.create(new long[] {3, 0, 2, 0}));
      Packed byChoice = kernels().packedRows(experts, 4, true);
      assertEqual(byChoice.rows(), longs(new long[][] {{3, 2}, {0, -1}, {1, 4}}, 2));
    }
  }

  @Property(tries = 60)
  void slotsAndCountsMatchPlainLoops(
      @ForAll @IntRange(min = 1, max = 5) int groups,
      @ForAll @IntRange(min = 1, max = 70) int groupTokens,
      @ForAll @IntRange(min = 1, max = 4) int choices,
      @ForAll @IntRange(min = 1, max = 9) int nExperts,
      @ForAll @IntRange(max = 40) int limit,
      @ForAll boolean choiceMajor,
      @ForAll long seed) {
    try (TensorScope scope = TensorScope.open()) {
      Random random = new Random(seed);
      long[][] experts = new long[groups * groupTokens][choices];
      for (long[] row : experts) {
        Arrays.setAll(row, k -> random.nextInt(nExperts + 1) - 1);
      }
      Places places =
          new Places(nExperts, groupTokens, limit, (long) limit * groups + 1 + random.nextInt(3));
      long[][] slots = PlainRouting.capacitySlots(experts, places, choiceMajor);
      assertEqual(
          kernels().capacitySlots(longs(experts, choices), places, choiceMajor),
          longs(slots, choices));
      Tensor positions =
          longs(
              Arrays.stream(experts)
                  .map(row -> Arrays.stream(row).map(e -> random.nextInt(limit + 3) - 1).toArray())
                  .toArray(long[][]::new),
              choices);
      assertEqual(
          kernels().slots(longs(experts, choices), positions, places),
          longs(placed(experts, positions, places), choices));
      assertEqual(
          kernels().counts(longs(slots, choices), nExperts, places.capacity()),
          Tensor.create(PlainRouting.counts(slots, nExperts, places.capacity())));
      assertEqual(
          kernels().counts(longs(experts, choices), nExperts, 1),
          Tensor.create(PlainRouting.counts(experts, nExperts, 1)));
    }
  }

  private static long[][] placed(long[][] experts, Tensor positions, Places places) {
    long[][] slots = new long[experts.length][experts[0].length];
    for (int s = 0; s < slots.length; s++) {
      long first = s / places.groupTokens() * places.limit();
      for (int k = 0; k < slots[s].length; k++) {
        long position = positions.get(s).get(k).item_long();
        boolean kept = experts[s][k] >= 0 && position >= 0 && position < places.limit();
        slots[s][k] = kept ? experts[s][k] * places.capacity() + first + position : -1;
      }
    }
    return slots;
  }

  @Example
  void eachRoutingGroupHasPlacesOfItsOwn() {
    try (TensorScope scope = TensorScope.open()) {
      Tensor experts = longs(new long[][] {{0, 1}, {0, 1}, {0, -1}, {1, 0}}, 2);
      Places places = new Places(2, 2, 1, 3);
      assertEqual(
          kernels().capacitySlots(experts, places, false),
          longs(new long[][] {{0, 3}, {-1, -1}, {1, -1}, {4, -1}}, 2));
    }
  }

  /** More than a block of a device kernel keeps in fast memory at a time. */
  @Example
  void thousandsOfExpertsAreCounted() {
    try (TensorScope scope = TensorScope.open()) {
      Tensor experts = torch.arange(new Scalar(3000)).to(ScalarType.Long).view(-1, 1);
      assertEqual(
          kernels().counts(torch.cat(new TensorVector(experts, experts)), 3000, 1),
          torch.full(new long[] {3000}, new Scalar(2L)).to(ScalarType.Long));
    }
  }

  @Example
  void choiceMajorServesAllFirstChoicesBeforeAnySecond() {
    try (TensorScope scope = TensorScope.open()) {
      Tensor experts = longs(new long[][] {{0, 1}, {1, 0}, {1, -1}}, 2);
      assertEqual(
          kernels().capacityPositions(experts, 2, true),
          longs(new long[][] {{0, 2}, {0, 1}, {1, -1}}, 2));
      assertEqual(
          kernels().capacityPositions(experts, 2, false),
          longs(new long[][] {{0, 0}, {1, 1}, {2, -1}}, 2));
    }
  }

  @Example
  void aDroppedTokenIsZeroEvenIfTheBufferIsNotFinite() {
    try (TensorScope scope = TensorScope.open()) {
      Tensor slots = longs(new long[][] {{-1, 1}, {-1, -1}}, 2);
      Tensor buffer = torch.full(new long[] {2, 3}, new Scalar(Double.NaN));
      buffer.select(0, 1).fill_(new Scalar(2));
      Tensor output = kernels().inverseOrder(buffer, slots, torch.ones(2, 2));
      assertEqual(output.select(0, 0), torch.full(new long[] {3}, new Scalar(2.0)));
      assertEqual(output.select(0, 1), torch.zeros(3));
      assertEqual(
          kernels().inverseOrderWeightGradient(torch.ones(2, 3), buffer, slots),
          rows(new double[][] {{0, 6}, {0, 0}}, 2).to(ScalarType.Float));
    }
  }

  @Example
  void wrongArgumentsAreRefused() {
    try (TensorScope scope = TensorScope.open()) {
      Tensor tokens = torch.zeros(2, 3);
      Tensor slots = longs(new long[][] {{0}, {4}}, 1);
      assertThatThrownBy(() -> kernels().order(tokens, slots, 4))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessage("slots holds 4, allowed: -1 to 3 (nSlots 4)");
      assertThatThrownBy(() -> kernels().order(tokens, slots.to(ScalarType.Int), 5))
          .hasMessage("slots has dtype Int, allowed: [Long]");
      assertThatThrownBy(() -> kernels().order(torch.zeros(3, 3), slots, 5))
          .hasMessage("slots has shape [2, 1], expected [3, any]");
      assertThatThrownBy(() -> kernels().order(torch.zeros(3, 2).t(), slots, 5))
          .hasMessageContaining("tokens of shape [2, 3] must be contiguous");
      assertThatThrownBy(
              () ->
                  kernels()
                      .inverseOrder(
                          torch.zeros(5, 3), slots, torch.ones(2, 1).to(ScalarType.Double)))
          .hasMessage("weights has dtype Double, allowed: [Float]");
      assertThatThrownBy(() -> kernels().capacityPositions(slots, 4, true))
          .hasMessage("experts holds 4, allowed: -1 to 3 (nExperts 4)");
      assertThatThrownBy(() -> kernels().packedRows(slots, 4, true))
          .hasMessage("experts holds 4, allowed: -1 to 3 (nExperts 4)");
      assertThatThrownBy(() -> kernels().capacitySlots(slots, new Places(4, 2, 1, 1), true))
          .hasMessage("experts holds 4, allowed: -1 to 3 (nExperts 4)");
      assertThatThrownBy(() -> kernels().slots(slots, slots, new Places(4, 2, 1, 1)))
          .hasMessage("experts holds 4, allowed: -1 to 3 (nExperts 4)");
      assertThatThrownBy(() -> kernels().counts(slots, 2, 2))
          .hasMessage("slots holds 4, allowed: -1 to 3 (nSlots 4)");
      assertThatThrownBy(() -> kernels().capacitySlots(slots, new Places(5, 3, 1, 1), true))
          .hasMessage("groupTokens 3 must divide the 2 tokens of experts");
      assertThatThrownBy(() -> kernels().slots(slots, slots, new Places(5, 1, 2, 3)))
          .hasMessage("capacity 3 must be at least limit 2 times 2 routing groups");
    }
  }

  @Example
  void doublesAreSummedAsDoubles() {
    try (TensorScope scope = TensorScope.open()) {
      Tensor buffer = rows(new double[][] {{1. / 3}, {1. / 7}}, 1);
      Tensor slots = longs(new long[][] {{0, 1}}, 2);
      Tensor weights = rows(new double[][] {{1. / 11, 1. / 13}}, 2);
      assertThat(kernels().inverseOrder(buffer, slots, weights).item_double())
          .isCloseTo(1. / 3 / 11 + 1. / 7 / 13, within(1e-16));
    }
  }

  @Example
  void onlyTheResultOutlivesAKernel() {
    try (TensorScope scope = TensorScope.open()) {
      Tensor tokens = torch.ones(4, 3).set_requires_grad(true);
      Tensor slots = longs(new long[][] {{0}, {3}, {-1}, {2}}, 1);
      NativeGarbage.awaitGone();
      long before = Pointer.totalCount();
      try (TensorScope inner = TensorScope.open()) {
        Tensor buffer = kernels().order(tokens, slots, 4);
        assertThat(buffer.requires_grad()).isFalse();
      }
      assertThat(Pointer.totalCount()).isEqualTo(before);
    }
  }

  private static void assertEqual(Tensor actual, Tensor expected) {
    assertThat(actual.scalar_type().intern()).isEqualTo(expected.scalar_type().intern());
    assertThat(actual.equal(expected))
        .as(() -> "%s%nexpected %s".formatted(actual, expected))
        .isTrue();
  }

  private static Tensor rows(double[][] values, int width) {
    double[] flat = Arrays.stream(values).flatMapToDouble(Arrays::stream).toArray();
    return (flat.length == 0 ? torch.zeros(0).to(ScalarType.Double) : Tensor.create(flat))
        .view(values.length, width);
  }

  private static Tensor longs(long[][] values, int width) {
    long[] flat = Arrays.stream(values).flatMapToLong(Arrays::stream).toArray();
    return (flat.length == 0 ? torch.zeros(0).to(ScalarType.Long) : Tensor.create(flat))
        .view(values.length, width);
  }
}
