package org.sparkmoe.schedule.cost;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.DoubleRange;
import org.junit.jupiter.api.Test;

class CostFitTest {

  @Property(tries = 100)
  void exactMeasurementsGiveTheModelBack(
      @ForAll @DoubleRange(min = 0.01, max = 2) double alpha,
      @ForAll @DoubleRange(min = 1, max = 1000) double nanos) {
    double beta = nanos * 1e-6;
    CostModel model = new CostModel(alpha, beta);
    double[] work = {1 << 18, 2 << 18, 7 << 18, 24 << 18};
    double[] times = new double[work.length];
    for (int i = 0; i < work.length; i++) {
      times[i] = model.time(work[i]);
    }
    CostFit fit = CostFit.of(work, times);
    assertThat(fit.model().alpha()).isCloseTo(alpha, within(1e-6));
    assertThat(fit.model().beta()).isCloseTo(beta, within(1e-6 * beta));
    assertThat(fit.rSquared()).isCloseTo(1, within(1e-9));
  }

  @Test
  void neitherConstantIsEverNegative() {
    CostFit steep = CostFit.of(new double[] {1, 2, 3}, new double[] {1, 3, 6});
    assertThat(steep.model().alpha()).isZero();
    assertThat(steep.model().beta()).isCloseTo((1 + 6 + 18) / 14.0, within(1e-12));
    CostFit falling = CostFit.of(new double[] {1, 2, 3}, new double[] {6, 3, 1});
    assertThat(falling.model().beta()).isZero();
    assertThat(falling.model().alpha()).isCloseTo(10 / 3.0, within(1e-12));
  }

  @Test
  void scatterLowersRSquared() {
    assertThat(CostFit.of(new double[] {1, 2, 3, 4}, new double[] {1, 3, 2, 4}).rSquared())
        .isCloseTo(0.64, within(1e-9));
  }

  @Test
  void oneSizeIsNotEnough() {
    assertThatThrownBy(() -> CostFit.of(new double[] {5, 5}, new double[] {1, 2}))
        .hasMessageContaining("all sizes are 5.0");
  }
}
