package org.sparkmoe.profile;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.sparkmoe.profile.KernelTimes.Measured;
import org.sparkmoe.profile.KernelTimes.Shape;
import org.sparkmoe.profile.KernelTimes.Table;

class KernelTimesTest {

  @Test
  void everyKernelIsTimedAndHeldAgainstItsTwoBounds() {
    Table table = KernelTimes.measure(new Shape(64, 32, 4, 2, 48), false);

    assertThat(table.measured())
        .extracting(Measured::name)
        .contains(
            "gate and positions",
            "order",
            "inverse order, backward by weights",
            "SwiGLU, backward",
            "uneven experts' product, one by one",
            "uneven experts' product, grouped",
            "AdamW with a copy in bf16",
            "MoE layer, forward and backward");
    assertThat(table.measured())
        .allSatisfy(
            each -> {
              assertThat(each.micros()).isPositive();
              assertThat(table.share(each)).isPositive();
            });
    Measured copy = table.measured().get(0);
    Measured product = table.measured().get(1);
    assertThat(table.copyBound(copy)).isEqualTo(copy.micros(), within(copy));
    assertThat(table.productBound(product)).isEqualTo(product.micros(), within(product));
    assertThat(table.productBound(copy)).isZero();
  }

  @Test
  void operationsOfALayerAreThoseOfItsProducts() {
    Table table = KernelTimes.measure(new Shape(16, 8, 4, 2, 8), false);
    Measured all = table.measured().get(table.measured().size() - 1);

    // Three matrices of M by H, each token at k experts, twice as much again in backward.
    assertThat(all.operations()).isEqualTo(3.0 * 3 * 2 * 16 * 2 * 8 * 8);
  }

  private static org.assertj.core.data.Offset<Double> within(Measured each) {
    return org.assertj.core.api.Assertions.within(1e-9 * each.micros());
  }
}
