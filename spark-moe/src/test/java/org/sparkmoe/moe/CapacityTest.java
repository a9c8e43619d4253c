package org.sparkmoe.moe;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.sparkmoe.moe.MoeConfig.Drop;
import org.sparkmoe.tensor.TensorScope;
import org.sparkmoe.topology.RankGroups;

/** Who gets a place: 4 tokens, 2 choices, 2 experts, and 2 places of each expert. */
class CapacityTest {
  private static final long[] CHOSEN = {0, 1, 0, 1, 0, 1, 0, 1};
  private static final double[] PROBABILITIES = {0.6, 0.4, 0.7, 0.3, 0.8, 0.2, 0.9, 0.1};
  private TensorScope scope;

  @BeforeEach
  void open() {
    scope = TensorScope.open();
  }

  @AfterEach
  void close() {
    scope.close();
  }

  private static Capacity capacity(MoeConfigBuilder config, int tokens, int divisor) {
    return new Capacity(
        config.experts(2).capacityFactor("0.5").build(),
        tokens,
        divisor,
        RankGroups.single().world());
  }

  private static long[] slots(Capacity capacity, boolean choiceMajor) {
    return longs(
        capacity.assign(
            Tensor.create(CHOSEN, 4, 2), Tensor.create(PROBABILITIES, 4, 2), choiceMajor));
  }

  private static long[] longs(Slots slots) {
    long[] values = new long[(int) slots.slotsSK().numel()];
    slots.slotsSK().contiguous().data_ptr_long().get(values);
    return values;
  }

  @Test
  void byPositionTheFirstTokensStay() {
    assertThat(slots(capacity(new MoeConfigBuilder(), 4, 1), false))
        .containsExactly(0, 2, 1, 3, -1, -1, -1, -1);
  }

  @Test
  void byProbabilityTheMostProbableStay() {
    assertThat(slots(capacity(new MoeConfigBuilder().drop(Drop.PROBABILITY), 4, 1), false))
        .containsExactly(-1, 2, -1, 3, 1, -1, 0, -1);
  }

  @Test
  void byBatchPriorityTheMostCertainTokensStay() {
    assertThat(slots(capacity(new MoeConfigBuilder().drop(Drop.BATCH_PRIORITY), 4, 1), false))
        .containsExactly(-1, -1, -1, -1, 1, 3, 0, 2);
  }

  @Test
  void eachRoutingGroupHasPlacesOfItsOwn() {
    Capacity capacity = capacity(new MoeConfigBuilder().routingGroup("2"), 4, 1);
    assertThat(capacity.limit()).isEqualTo(1);
    assertThat(slots(capacity, false)).containsExactly(0, 2, -1, -1, 1, 3, -1, -1);
  }

  @Test
  void allFirstChoicesTakePlacesBeforeAnySecond() {
    long[] chosen = {0, 1, 1, 0, 1, 0, 0, 1};
    Capacity capacity = capacity(new MoeConfigBuilder(), 4, 1);
    long[] slots =
        longs(
            capacity.assign(Tensor.create(chosen, 4, 2), Tensor.create(PROBABILITIES, 4, 2), true));
    assertThat(slots).containsExactly(0, -1, 2, -1, 3, -1, 1, -1);
  }

  @Test
  void pipelineDegreesAddPlacesButNoTokens() {
    Capacity capacity = capacity(new MoeConfigBuilder(), 4, 3);
    assertThat(capacity.bounded()).isEqualTo(3);
    assertThat(slots(capacity, false)).containsExactly(0, 3, 1, 4, -1, -1, -1, -1);
  }

  @Test
  void withoutDroppingTheRowsOfOneExpertFollowThoseOfTheOther() {
    Capacity capacity =
        new Capacity(
            new MoeConfigBuilder().experts(3).capacityFactor("*").build(),
            4,
            2,
            RankGroups.single().world());
    long[] chosen = {2, 0, 0, 2, 2, -1, 0, 2};
    Slots slots =
        capacity.assign(Tensor.create(chosen, 4, 2), Tensor.create(PROBABILITIES, 4, 2), true);
    assertThat(longs(slots)).containsExactly(3, 2, 0, 5, 4, -1, 1, 6);
    PackedRouting routing = (PackedRouting) slots.routing(Tensor.create(PROBABILITIES, 4, 2));
    assertThat(routing.countsE().equal(Tensor.create(new long[] {3, 0, 4}))).isTrue();
    assertThat(routing.capacity()).isEqualTo(8);
  }

  @Test
  void placesWithGapsAreClosedUp() {
    long[] places = {8, 1, -1, 5, 9, 3, 2, -1};
    SparseRouting gaps =
        new SparseRouting(Tensor.create(places, 4, 2), Tensor.create(PROBABILITIES, 4, 2), 4);
    PackedRouting routing = PackedRouting.of(gaps, 3);
    assertThat(longs(new Slots.Packed(routing.slotsSK(), routing.countsE())))
        .containsExactly(4, 0, -1, 3, 5, 1, 2, -1);
    assertThat(routing.countsE().equal(Tensor.create(new long[] {3, 1, 2}))).isTrue();
  }

  @Test
  void fewerTokensThanExpertsStillHaveAPlace() {
    Capacity capacity =
        new Capacity(
            new MoeConfigBuilder().experts(64).topK(1).capacityFactor("0.01").build(),
            2,
            1,
            RankGroups.single().world());
    assertThat(capacity.limit()).isEqualTo(1);
  }

  @Test
  void aRoutingGroupThatDoesNotDivideTheTokensIsRefused() {
    assertThatThrownBy(() -> capacity(new MoeConfigBuilder().routingGroup("3"), 4, 1))
        .hasMessage("moe.routing-group is 3, must divide the 4 tokens of a rank");
  }
}
