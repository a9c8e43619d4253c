package org.sparkmoe.moe.gate;

import static org.assertj.core.api.Assertions.assertThat;

import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Test;
import org.sparkmoe.moe.StepContext;
import org.sparkmoe.tensor.HostReads;
import org.sparkmoe.tensor.Parameter;
import org.sparkmoe.tensor.ParameterBox;
import org.sparkmoe.tensor.ParameterInitializer;
import org.sparkmoe.tensor.Precision;

class BiasBalanceTest {
  private final Parameter bias =
      ParameterInitializer.cpu(1, Precision.F64)
          .constant(ParameterBox.whole("gate.bias", false, 3), 0);
  private final BiasBalance balance = new BiasBalance(bias, 0.5);

  @Test
  void raisesTheIdleAndLowersTheBusyAfterTheLastMicroBatch() {
    balance.record(step(0, 0), load(5, 2, 2));
    assertThat(HostReads.doubles(bias.value())).containsExactly(0, 0, 0);
    balance.record(step(0, 1), load(0, 2, 1));
    // Loads of the step: 5, 4, 3; mean 4.
    assertThat(HostReads.doubles(bias.value())).containsExactly(-0.5, 0, 0.5);
  }

  /** As after a loss spike, when training goes back to the checkpoint before the step. */
  @Test
  void movesAgainWhenAStepIsTrainedTwice() {
    balance.record(step(0, 0), load(1, 0, 0));
    balance.record(step(0, 1), load(1, 0, 0));
    bias.value().variable_data().zero_();

    assertThat(HostReads.doubles(balance.biasFor(false))).containsExactly(0, 0, 0);
    balance.record(step(0, 0), load(0, 1, 0));
    balance.record(step(0, 1), load(0, 1, 0));

    assertThat(HostReads.doubles(bias.value())).containsExactly(0.5, -0.5, 0.5);
  }

  @Test
  void recomputationSeesTheBiasOfItsForward() {
    balance.record(step(0, 0), load(1, 0, 0));
    assertThat(HostReads.doubles(balance.biasFor(true))).containsExactly(0, 0, 0);
    balance.record(step(0, 1), load(1, 0, 0));
    assertThat(HostReads.doubles(balance.biasFor(true))).containsExactly(0, 0, 0);
    assertThat(HostReads.doubles(balance.biasFor(false))).containsExactly(-0.5, 0.5, 0.5);

    balance.record(step(1, 0), load(1, 0, 0));
    assertThat(HostReads.doubles(balance.biasFor(true))).containsExactly(-0.5, 0.5, 0.5);
  }

  private static StepContext step(long step, int microBatch) {
    return new StepContext(true, 1, step, microBatch, 2, 0, 4);
  }

  private static Tensor load(double... experts) {
    return Tensor.create(experts);
  }
}
