package org.sparkmoe.moe;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.Map;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.sparkmoe.tensor.ParameterInitializer;
import org.sparkmoe.tensor.Precision;
import org.sparkmoe.topology.RankGroups;
import org.sparkmoe.topology.Topology;

class CompressionHooksTest {
  private static final int WIDTH = 18;
  private static final HookContext CONTEXT =
      new HookContext(GateFixture.training(4), 0, 0, 1, false);

  @ParameterizedTest
  @CsvSource({"compress-bf16, 36", "compress-int8, 24"})
  void sendsFewerBytes(String name, long bytesOfRow) {
    Tensor sent = hook(name).forward(HookPoint.BEFORE_DISPATCH, chunk(), CONTEXT);
    assertThat(sent.size(0)).isEqualTo(4);
    assertThat(sent.is_contiguous()).isTrue();
    assertThat(sent.nbytes() / 4).isEqualTo(bytesOfRow);
  }

  @ParameterizedTest
  @CsvSource({"compress-bf16, 0.00391", "compress-int8, 0.00394"})
  void roundsByLittleOfTheLargestOfTheRow(String name, double ofLargest) {
    Hook hook = hook(name);
    for (HookPoint[] way :
        new HookPoint[][] {
          {HookPoint.BEFORE_DISPATCH, HookPoint.AFTER_DISPATCH},
          {HookPoint.BEFORE_COMBINE, HookPoint.AFTER_COMBINE}
        }) {
      Tensor sent = hook.forward(way[0], chunk(), CONTEXT);
      assertNear(hook.forward(way[1], sent, CONTEXT), ofLargest);
      Tensor back = hook.backward(way[1], chunk(), CONTEXT);
      assertNear(hook.backward(way[0], back, CONTEXT), ofLargest);
    }
  }

  @Test
  void int8KeepsZerosAndShowsWhatIsNotFinite() {
    Tensor rows = Tensor.create(new float[] {0, 0, 1, Float.NaN, 2, Float.POSITIVE_INFINITY}, 3, 2);
    Hook hook = hook("compress-int8", 2);
    Tensor there = hook.forward(HookPoint.BEFORE_DISPATCH, rows, CONTEXT);
    double[] back = MoeRun.doubles(hook.forward(HookPoint.AFTER_DISPATCH, there, CONTEXT));
    assertThat(back).containsExactly(0, 0, Double.NaN, Double.NaN, Double.NaN, Double.NaN);
  }

  @ParameterizedTest
  @ValueSource(strings = {"compress-bf16", "compress-int8"})
  void aLayerComputesNearlyTheSameAndTheSameInEveryLayout(String name) {
    MoeConfigBuilder builder = new MoeConfigBuilder().routingGroup("6");
    MoeRun exact = MoeRun.of(MoeRun.Setup.of(builder.build()));
    MoeRun.Setup setup = MoeRun.Setup.of(builder.hooks(name).build());
    MoeRun one = MoeRun.of(setup);
    MoeRun four = MoeRun.of(setup.on(new Topology(4, 2, 1, 4, 1)));
    assertThat(MoeRun.difference(one.output(), exact.output())).isBetween(1e-8, 0.02);
    assertThat(MoeRun.difference(one.inputGradient(), exact.inputGradient())).isBetween(1e-8, 0.04);
    assertThat(MoeRun.difference(four.output(), one.output())).isLessThan(1e-12);
    assertThat(MoeRun.difference(four.inputGradient(), one.inputGradient())).isLessThan(1e-12);
  }

  private static void assertNear(Tensor actual, double ofLargest) {
    assertThat(actual.scalar_type().intern()).isEqualTo(ScalarType.Float);
    double[] expected = MoeRun.doubles(chunk());
    double[] values = MoeRun.doubles(actual);
    for (int row = 0; row < 4; row++) {
      double largest = 0;
      for (int i = row * WIDTH; i < (row + 1) * WIDTH; i++) {
        largest = Math.max(largest, Math.abs(expected[i]));
      }
      for (int i = row * WIDTH; i < (row + 1) * WIDTH; i++) {
        assertThat(values[i]).isCloseTo(expected[i], within(ofLargest * largest));
      }
    }
  }

  /** Rows of very different magnitude. */
  private static Tensor chunk() {
    float[] values = new float[4 * WIDTH];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) (Math.sin(i + 1) * Math.pow(100, i / WIDTH - 2));
    }
    return Tensor.create(values, 4, WIDTH);
  }

  private static Hook hook(String name) {
    return hook(name, WIDTH);
  }

  private static Hook hook(String name, int width) {
    return Modules.find(HookProvider.class, "moe.hooks", name)
        .create(
            new ModuleContext(
                "hooks",
                0,
                new MoeConfigBuilder().build(),
                width,
                Map.of(),
                RankGroups.single(),
                ParameterInitializer.cpu(1, Precision.F32)));
  }
}
