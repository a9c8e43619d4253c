package org.sparkmoe.train;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.sparkmoe.model.Recomputation;
import org.sparkmoe.moe.Hook;
import org.sparkmoe.moe.HookContext;
import org.sparkmoe.moe.HookPoint;
import org.sparkmoe.moe.HookProvider;
import org.sparkmoe.moe.ModuleContext;
import org.sparkmoe.moe.MoeConfig;
import org.sparkmoe.schedule.cost.ExpertType;
import org.sparkmoe.schedule.cost.LayerShape;
import org.sparkmoe.schedule.policy.PolicyName;
import org.sparkmoe.schedule.policy.ScheduleConfig;
import org.sparkmoe.tensor.Precision;
import org.sparkmoe.topology.Topology;

/** Whatever backward computes again, training is the same bit for bit. */
class RecomputationTest {
  private static final int STEPS = 3;

  @TempDir private Path directory;
  private int runs;

  @ParameterizedTest
  @CsvSource({
    "noisy-top-k, 2, F32",
    "gshard, 2, F32",
    "switch, 1, F32",
    "mixtral, 2, BF16",
    "sigmoid, 1, F64",
    "x-moe, 2, F32",
    "expert-choice, 2, F32",
    "soft, 2, BF16",
    "deepseek-v3, 2, F32"
  })
  void everyGateDecidesAgainWhatItHasDecided(String gate, int topK, Precision precision) {
    TrainingFixture.Workload workload = TrainingFixture.Workload.of(gate, topK, 0.05);

    assertSameBits(Topology.single(), workload, precision);
  }

  @ParameterizedTest
  @CsvSource({
    // ranks, stages, mp, ep, esp
    "2, 1, 2, 1, 2",
    "4, 1, 1, 4, 1",
    "4, 1, 2, 2, 2",
    "2, 2, 1, 1, 1",
    "4, 2, 1, 2, 1",
    "4, 2, 2, 1, 2",
  })
  void ranksKeepTheOrderOfTheirCollectives(int ranks, int stages, int mp, int ep, int esp) {
    Topology topology = new Topology(ranks, ranks, stages, mp, ep, esp);

    assertSameBits(topology, TrainingFixture.Workload.of("noisy-top-k", 2, 0.05), Precision.F32);
    assertSameBits(topology, bounded("deepseek-v3", List.of()), Precision.F32);
  }

  /** With places that are dropped, shared experts, and every loss there is. */
  private static TrainingFixture.Workload bounded(String gate, List<String> hooks) {
    TrainingFixture.Workload plain = TrainingFixture.Workload.of(gate, 2, 0.05);
    MoeConfig c = plain.experts();
    MoeConfig experts =
        new MoeConfig(
            c.experts(),
            c.topK(),
            "0.8",
            c.gate(),
            c.order(),
            c.dispatch(),
            "gpt",
            c.hiddenSize(),
            2,
            MoeConfig.Drop.PROBABILITY,
            0.05,
            0.01,
            0.02,
            0.03,
            c.routingGroup(),
            1,
            Map.of(),
            Map.of(),
            hooks);
    return new TrainingFixture.Workload(experts, plain.batches(), plain.text());
  }

  private void assertSameBits(
      Topology topology, TrainingFixture.Workload workload, Precision precision) {
    TrainingFixture.Run kept = run(topology, workload, precision, Recomputation.NONE);
    for (Recomputation what : List.of(Recomputation.MOE, Recomputation.BLOCK)) {
      TrainingFixture.Run again = run(topology, workload, precision, what);
      assertThat(again.losses()).as(what.name()).containsExactly(kept.losses());
      assertThat(again.auxLosses()).as(what.name()).containsExactly(kept.auxLosses());
      assertThat(again.norms()).as(what.name()).containsExactly(kept.norms());
      assertThat(again.summary().validation().loss()).isEqualTo(kept.summary().validation().loss());
      for (int step = 0; step < STEPS; step++) {
        assertThat(again.steps().get(step).routing())
            .usingRecursiveComparison()
            .isEqualTo(kept.steps().get(step).routing());
      }
    }
  }

  private TrainingFixture.Run run(
      Topology topology,
      TrainingFixture.Workload workload,
      Precision precision,
      Recomputation what) {
    TrainConfig config = TrainConfigs.withRecomputation(STEPS, 2, precision, what);
    Path place = directory.resolve("run" + runs++);
    return TrainingFixture.train(topology, TrainingFixture.setup(config, place), workload);
  }

  @ParameterizedTest
  @EnumSource(names = {"FSMOE", "BEST"})
  void schedulesRunForwardGraphsAgainInBackward(PolicyName policy) {
    Topology topology = new Topology(4, 2, 2, 2, 2);
    TrainConfig config =
        TrainConfigs.withRecomputation(STEPS, 2, Precision.F32, Recomputation.BLOCK);
    TrainSetup plain = TrainingFixture.setup(config, directory.resolve("scheduled"));
    ScheduleSetup schedule =
        new ScheduleSetup(
            new ScheduleConfig(policy, 1, 0, "", 1e9, 1000, ""),
            new LayerShape(
                config.microBatch(), 4, 16, TrainingFixture.WIDTH, 24, 2, ExpertType.MIXTRAL));

    TrainingFixture.Run scheduled =
        TrainingFixture.train(
            topology, new TrainSetup(plain.train(), plain.checkpoint(), plain.hadoop(), schedule));

    TrainingFixture.Run sequential =
        TrainingFixture.train(
            topology,
            TrainingFixture.setup(TrainConfigs.of(STEPS, 2), directory.resolve("sequential")));
    assertThat(scheduled.losses()).containsExactly(sequential.losses());
    assertThat(scheduled.norms()).containsExactly(sequential.norms());
  }

  /** Tells first runs from repeated ones. */
  public static final class Counting implements HookProvider {
    static final Queue<String> FIRST = new ConcurrentLinkedQueue<>();
    static final Queue<String> AGAIN = new ConcurrentLinkedQueue<>();

    @Override
    public String name() {
      return "counting";
    }

    @Override
    public String source() {
      return "test";
    }

    @Override
    public Hook create(ModuleContext context) {
      return new Count();
    }

    private record Count() implements Hook {
      @Override
      public Tensor forward(HookPoint point, Tensor value, HookContext context) {
        if (context.step().training()) {
          (context.again() ? AGAIN : FIRST)
              .add("%s %d".formatted(point, context.step().microBatch()));
        }
        return value;
      }

      @Override
      public Tensor backward(HookPoint point, Tensor gradient, HookContext context) {
        return gradient;
      }
    }
  }

  @Test
  void hooksAreToldWhatTheyHaveSeen() {
    TrainingFixture.Workload workload = bounded("mixtral", List.of(Counting.class.getName()));

    run(Topology.single(), workload, Precision.F32, Recomputation.MOE);

    int calls = STEPS * 4 * HookPoint.values().length;
    assertThat(Counting.FIRST).hasSize(calls);
    assertThat(Counting.AGAIN).hasSize(calls);
    assertThat(Counting.AGAIN).containsExactlyInAnyOrderElementsOf(Counting.FIRST);
  }

  @Test
  void whatBackwardComputesAgainTakesItsTimeAgain() {
    assertThat(Recomputation.NONE.again(10, 4)).isZero();
    assertThat(Recomputation.MOE.again(10, 4)).isEqualTo(4);
    assertThat(Recomputation.BLOCK.again(10, 4)).isEqualTo(10);
  }
}
