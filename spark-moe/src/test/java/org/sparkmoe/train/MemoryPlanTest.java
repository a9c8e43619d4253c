package org.sparkmoe.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.util.List;
import java.util.Map;
import java.util.stream.LongStream;
import org.assertj.core.data.Percentage;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.sparkmoe.model.Architecture;
import org.sparkmoe.model.LanguageModel;
import org.sparkmoe.model.ModelConfig;
import org.sparkmoe.model.Recomputation;
import org.sparkmoe.moe.MoeConfig;
import org.sparkmoe.moe.StepContext;
import org.sparkmoe.tensor.NativeMemory;
import org.sparkmoe.tensor.ParameterInitializer;
import org.sparkmoe.tensor.Precision;
import org.sparkmoe.tensor.SegmentTape;
import org.sparkmoe.tensor.TensorScope;
import org.sparkmoe.topology.RankGroups;
import org.sparkmoe.topology.Topology;

class MemoryPlanTest {
  private static final Topology ALONE = new Topology(1, 1, 1, 1, 1);
  private static final MemoryPlan.Sizes SIZES = new MemoryPlan.Sizes(300, 128);

  private static ModelConfig model(Architecture architecture, String moeLayers) {
    return new ModelConfig(
        architecture, 4, 128, 4, 0, 0, 512, 128, 1e4, 1e-5, true, 0.02, moeLayers, "balanced");
  }

  private static MoeConfig moe(String expert) {
    return new MoeConfig(
        8,
        2,
        "1.25",
        "mixtral",
        "sparse",
        "direct",
        expert,
        256,
        4,
        MoeConfig.Drop.POSITION,
        0.01,
        0,
        0,
        0,
        "rank",
        0,
        Map.of(),
        Map.of(),
        List.of());
  }

  private static TrainConfig train(Precision precision) {
    return TrainConfigs.withPrecision(8, 8, precision);
  }

  @ParameterizedTest
  @CsvSource({
    "GPT2, none, gpt, F32, NONE",
    "GPT2, all, gpt, F32, NONE",
    "MIXTRAL, all, mixtral, F32, NONE",
    "MIXTRAL, every-2, mixtral, F64, NONE",
    "GPT2, every-2, gpt, BF16, NONE",
    "MIXTRAL, all, mixtral, BF16, NONE",
    "MIXTRAL, all, mixtral, F32, MOE",
    "GPT2, every-2, gpt, BF16, MOE",
    "MIXTRAL, all, mixtral, F32, BLOCK",
    "GPT2, every-2, gpt, F32, BLOCK",
    "MIXTRAL, every-2, mixtral, BF16, BLOCK"
  })
  void thePlanIsWithinAFifthOfTheBytesThatLive(
      Architecture architecture,
      String moeLayers,
      String expert,
      Precision precision,
      Recomputation recomputed) {
    torch.set_num_threads(1);
    ModelConfig config = model(architecture, moeLayers);
    TrainConfig train = TrainConfigs.withRecomputation(8, 8, precision, recomputed);
    MemoryPlan plan = MemoryPlan.of(config, moe(expert), ALONE, train, SIZES);
    RankGroups groups = RankGroups.single();
    LanguageModel model =
        LanguageModel.create(
            config, moe(expert), 300, groups, ParameterInitializer.cpu(1, precision));
    model.recompute(recomputed);
    long elements = model.parameters().stream().mapToLong(p -> p.value().numel()).sum();
    long parameterBytes = precision == Precision.F64 ? 8 : 4;
    assertThat((double) plan.gradients()).isEqualTo(elements * (double) parameterBytes);
    assertThat(plan.optimizer()).isEqualTo(2 * plan.gradients());

    assumeTrue(NativeMemory.now().bytes() > 0);
    // The first pass makes the experts' copies of weights in the compute type.
    forward(model);
    // Single passes are off where the collector frees garbage of earlier tests, or the compilers of
    // the JVM take memory, while they run.
    long live =
        LongStream.generate(() -> forward(model))
            .limit(9)
            .sorted()
            .skip(4)
            .findFirst()
            .orElseThrow();
    assertThat((double) live).isCloseTo(plan.activations(), Percentage.withPercentage(20));
  }

  /** Bytes that live at the end of a forward pass and not before it. */
  private static long forward(LanguageModel model) {
    int tokens = 8 * 128;
    try (TensorScope scope = TensorScope.open()) {
      Tensor ids = torch.randint(300, new long[] {8, 129}).to(ScalarType.Long);
      NativeMemory before = NativeMemory.now();
      model.forward(new SegmentTape(), ids, new StepContext(true, 1, 0, 0, 1, 0, tokens));
      return NativeMemory.now().since(before).bytes();
    }
  }

  @Test
  void ranksShareOutWhatTheirGroupsShard() {
    ModelConfig config = model(Architecture.MIXTRAL, "all");
    MemoryPlan alone = MemoryPlan.of(config, moe("mixtral"), ALONE, train(Precision.F32), SIZES);
    MemoryPlan four =
        MemoryPlan.of(
            config, moe("mixtral"), new Topology(4, 4, 1, 4, 1), train(Precision.F32), SIZES);
    long experts = 4L * 8 * 3 * 128 * 256 * Float.BYTES;
    assertThat(alone.weights() - four.weights()).isEqualTo(experts * 3 / 4);
  }

  @Test
  void aStageNeedsItsOwnBlocksAndWhatItsScheduleHolds() {
    ModelConfig config = model(Architecture.MIXTRAL, "all");
    Topology two = new Topology(2, 2, 2, 1, 1, 1);
    MemoryPlan alone = MemoryPlan.of(config, moe("mixtral"), ALONE, train(Precision.F32), SIZES);
    MemoryPlan gPipe =
        MemoryPlan.of(config, moe("mixtral"), two, train(PipelineSchedule.GPIPE), SIZES);
    MemoryPlan takingTurns =
        MemoryPlan.of(config, moe("mixtral"), two, train(PipelineSchedule.ONE_F_ONE_B), SIZES);

    // Both stages have the tied embedding, one of them the last norm.
    assertThat(2 * gPipe.weights() - alone.weights())
        .isCloseTo(300L * 128 * Float.BYTES, within(128L * Float.BYTES));
    assertThat(gPipe.activations()).isGreaterThan(3 * takingTurns.activations() / 2);
  }

  @Test
  void recomputationTradesActivationsForTheWorkspaceOfOneBlock() {
    ModelConfig config = model(Architecture.MIXTRAL, "all");
    MemoryPlan kept = MemoryPlan.of(config, moe("mixtral"), ALONE, train(Precision.F32), SIZES);
    MemoryPlan moe = recomputing(config, Recomputation.MOE);
    MemoryPlan block = recomputing(config, Recomputation.BLOCK);

    long ofAnExpertLayer = (kept.activations() - moe.activations()) / 4;
    assertThat(moe.workspace() - kept.workspace()).isBetween(ofAnExpertLayer, 2 * ofAnExpertLayer);
    assertThat(block.activations()).isLessThan(moe.activations());
    assertThat(block.workspace()).isGreaterThan(moe.workspace());
    assertThat(block.total()).isLessThan(moe.total());
    assertThat(moe.total()).isLessThan(kept.total());
  }

  private static MemoryPlan recomputing(ModelConfig config, Recomputation what) {
    TrainConfig train = TrainConfigs.withRecomputation(8, 8, Precision.F32, what);
    return MemoryPlan.of(config, moe("mixtral"), ALONE, train, SIZES);
  }

  private static TrainConfig train(PipelineSchedule schedule) {
    return TrainConfigs.withSchedule(1, 2, schedule);
  }

  @Test
  void aPlanThatCannotFitIsRefusedWithItsNumbers() {
    MemoryPlan plan = new MemoryPlan(4L << 30, 4L << 30, 8L << 30, 3L << 29, 1L << 29, 0);
    assertThatThrownBy(() -> plan.refuseBeyond(16L << 30, "GPU 0"))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage(
            "memory of a rank: 18.00 GiB = weights 4.00 GiB + gradients 4.00 GiB + optimiser 8.00"
                + " GiB + activations 1.50 GiB + workspace 512.0 MiB, but GPU 0 leaves a rank"
                + " 16.00 GiB: lower train.micro-batch or data.sequence-length, set"
                + " train.recompute, or spread the model over more ranks (cluster.mp, cluster.ep, cluster.esp, cluster.pp)");
    plan.refuseBeyond(18L << 30, "GPU 0");
  }
}
