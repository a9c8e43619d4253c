package org.sparkmoe.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.TensorBase;
import org.bytedeco.pytorch.VoidTensorHook;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.sparkmoe.lane.ClockedCommunicator;
import org.sparkmoe.lane.ClockedGpu;
import org.sparkmoe.model.LanguageModel;
import org.sparkmoe.schedule.policy.PolicyName;
import org.sparkmoe.schedule.policy.ScheduleConfig;
import org.sparkmoe.tensor.Parameter;
import org.sparkmoe.topology.RankGroups;
import org.sparkmoe.topology.Topology;

/**
 * Training as on a GPU: lanes are streams. Numbers are those of one task after another, the host
 * waits for no event, and gradients are summed after the streams that wrote them, and used after
 * their sum.
 */
class TrainingOnStreamsTest {
  private static final int BLOCKS = 2;
  private static final ThreadLocal<Watch> OF_RANK = new ThreadLocal<>();

  /** JavaCPP has few callbacks, so that ranks share them: one for each block. */
  private static final List<VoidTensorHook> HOOKS =
      IntStream.range(0, BLOCKS).mapToObj(TrainingOnStreamsTest::hook).toList();

  @TempDir private Path directory;

  /** What is seen on one rank. */
  private record Watch(
      int rank, ClockedGpu gpu, LanguageModel model, Map<Integer, Set<String>> writers) {

    /** Autograd calls hooks on the thread that called it, with its stream. */
    void wrote(int block) {
      writers.computeIfAbsent(block, b -> new TreeSet<>()).add(gpu.currentName());
      sliced(model, block).forEach(p -> gpu.writes(p.name(), p.value().grad()));
    }

    TrainingListener telling(TrainingListener listener) {
      return new TrainingListener() {
        @Override
        public void started(TrainingStart start) {
          writers.clear();
        }

        @Override
        public void step(StepMetrics metrics) {
          endOfStep();
          assertThat(gpu.hostWaits()).isZero();
          listener.step(metrics);
        }
      };
    }

    void endOfStep() {
      model.parameters().forEach(p -> gpu.reads("after the step", p.value().grad()));
    }
  }

  private static List<Parameter> sliced(LanguageModel model, int block) {
    return model.parameters().stream()
        .filter(p -> p.replication() == Parameter.Replication.DATA)
        .filter(p -> p.name().startsWith("layers." + block + "."))
        .toList();
  }

  private static VoidTensorHook hook(int block) {
    return new VoidTensorHook() {
      @Override
      public void call(TensorBase gradient) {
        OF_RANK.get().wrote(block);
      }
    };
  }

  /** As {@code groups}, for gradients. */
  static RankGroups clocked(RankGroups groups, ClockedGpu gpu) {
    return clocked(groups, gpu, true);
  }

  private static RankGroups clocked(RankGroups groups, ClockedGpu gpu, boolean lasting) {
    return new RankGroups(
        groups.topology(),
        groups.rank(),
        new ClockedCommunicator(groups.world(), gpu, lasting),
        new ClockedCommunicator(groups.mp(), gpu, lasting),
        new ClockedCommunicator(groups.dp(), gpu, lasting),
        new ClockedCommunicator(groups.ep(), gpu, lasting),
        new ClockedCommunicator(groups.esp(), gpu, lasting),
        new ClockedCommunicator(groups.edp(), gpu, lasting));
  }

  /** Makes trainers whose ranks have a GPU each. */
  private record OnStreams(List<Watch> watches) implements TrainingFixture.Making {
    private static final ThreadLocal<ClockedGpu> GPU = new ThreadLocal<>();

    @Override
    public RankGroups ofModel(RankGroups groups) {
      GPU.set(new ClockedGpu());
      return clocked(groups, GPU.get(), false);
    }

    @Override
    public Trainer of(
        TrainSetup setup,
        LanguageModel model,
        RankGroups groups,
        TrainingData data,
        TrainingListener listener) {
      ClockedGpu gpu = GPU.get();
      Watch watch = new Watch(groups.rank(), gpu, model, new TreeMap<>());
      synchronized (watches) {
        watches.add(watch);
      }
      OF_RANK.set(watch);
      Trainer trainer =
          new Trainer(setup, model, clocked(groups, gpu), data, watch.telling(listener), gpu);
      for (int block = 0; block < BLOCKS; block++) {
        for (Parameter parameter : sliced(model, block)) {
          parameter.value().register_hook(HOOKS.get(block));
        }
      }
      return trainer;
    }
  }

  @ParameterizedTest
  @EnumSource(names = {"TUTEL", "FSMOE", "FSMOE_NO_IIO", "BEST"})
  void layersOverlapAsOneTaskAfterAnother(PolicyName policy) {
    Topology topology = new Topology(4, 2, 2, 2, 2);
    TrainConfig config = TrainConfigs.of(3, 2);
    TrainSetup plain = TrainingFixture.setup(config, directory.resolve("sequential"));
    TrainingFixture.Run sequential = TrainingFixture.train(topology, plain);
    TrainSetup setup =
        TrainingFixture.scheduled(
            TrainingFixture.setup(config, directory.resolve("streams")),
            new ScheduleConfig(policy, 1, 0, "", 1e9, 1000, ""));
    List<Watch> watches = new ArrayList<>();
    TrainingFixture.Run run = train(topology, setup, watches);
    assertThat(run.losses()).as("bit for bit").containsExactly(sequential.losses());
    assertThat(run.norms()).as("bit for bit").containsExactly(sequential.norms());
    assertThat(watches).hasSize(4).allSatisfy(watch -> assertThat(watch.gpu.races()).isEmpty());
  }

  @ParameterizedTest
  @CsvSource({"2, 1, 2, 1", "4, 2, 2, 2", "2, 1, 1, 2"})
  void chunksFlowThroughWholeBlocks(int world, int mp, int ep, int esp) throws IOException {
    Topology topology = new Topology(world, mp, mp, ep, esp);
    TrainConfig config = TrainConfigs.of(4, 4);
    TrainingFixture.Run whole =
        TrainingFixture.train(topology, TrainingFixture.setup(config, directory.resolve("whole")));
    Path cache = directory.resolve("profiles");
    train(topology, flowing(config, cache, "first"), new ArrayList<>());
    TrainingFixture.slowLinks(cache);
    List<Watch> watches = new ArrayList<>();
    TrainingFixture.Run run = train(topology, flowing(config, cache, "second"), watches);
    assertThat(run.losses()).containsExactly(whole.losses(), within(1e-5));
    assertThat(run.norms()).containsExactly(whole.norms(), within(1e-4));
    assertThat(watches).hasSize(world).allSatisfy(watch -> assertThat(watch.gpu.races()).isEmpty());
    // The only MoE layer is that of block 1. Under model parallelism its block alone is a graph:
    // block 0 stays before and after it, on the stream that joins the lanes.
    Set<String> host = Set.of("host");
    assertThat(watches)
        .filteredOn(watch -> watch.rank == 0)
        .allSatisfy(
            watch -> {
              assertThat(watch.writers.get(1)).as("block 1").hasSize(1).isNotEqualTo(host);
              assertThat(watch.writers.get(0))
                  .as("block 0")
                  .isEqualTo(mp > 1 ? host : watch.writers.get(1));
            });
  }

  /** How layers routed, and what is summed over ranks at the end. */
  private static final int READS_OF_A_STEP = 2;

  /** Of every gate but sigmoid, whose balanced assignment is an auction on the host. */
  @ParameterizedTest
  @CsvSource({
    "mixtral, 2",
    "switch, 1",
    "gshard, 2",
    "noisy-top-k, 2",
    "x-moe, 2",
    "expert-choice, 2",
    "soft, 2",
    "deepseek-v3, 2"
  })
  void withBoundedCapacityTheHostReadsNothingBeforeTheEndOfAStep(String gate, int topK) {
    TrainingFixture.Workload workload = TrainingFixture.Workload.of(gate, topK, 0.05).bounded("1");
    assertThat(reads(workload, new ArrayList<>())).containsOnly(READS_OF_A_STEP);
  }

  /** Chunks go from lane to lane, and the last task that uses one frees it. */
  @Test
  void theAllocatorIsToldOfEveryStreamThatUsesAChunk() {
    List<Watch> watches = new ArrayList<>();
    reads(TrainingFixture.Workload.of("mixtral", 2, 0.05).bounded("1"), watches);
    assertThat(watches)
        .hasSize(4)
        .allSatisfy(
            watch -> {
              assertThat(watch.gpu.unkept()).isEmpty();
              assertThat(watch.gpu.crossings()).as("from lane to lane").isPositive();
            });
  }

  /** How many rows come from each rank for each expert: once a layer. */
  @Test
  void withoutDroppingTheHostReadsOnceInEachLayer() {
    int layerPasses = 2;
    assertThat(reads(TrainingFixture.Workload.of("mixtral", 2, 0.05), new ArrayList<>()))
        .containsOnly(READS_OF_A_STEP + layerPasses);
  }

  /** Grouped products take the numbers of rows from the device, as they do on a GPU. */
  @ParameterizedTest
  @CsvSource({
    "mixtral, 2, FSMOE",
    "switch, 1, FSMOE",
    "gshard, 2, FSMOE",
    "noisy-top-k, 2, FSMOE",
    "x-moe, 2, FSMOE",
    "expert-choice, 2, FSMOE",
    "deepseek-v3, 2, FSMOE",
    "mixtral, 2, BEST"
  })
  void withoutDroppingARankThatHasAllExpertsReadsNothingBeforeTheEndOfAStep(
      String gate, int topK, PolicyName policy) {
    TrainingFixture.Workload workload =
        TrainingFixture.Workload.of(gate, topK, 0.05).products("grouped");
    assertThat(reads(Topology.single(), policy, workload, new ArrayList<>()))
        .containsOnly(READS_OF_A_STEP);
  }

  /** As products do that go expert by expert. */
  @Test
  void theSameRankReadsOnceInEachLayerWhereTheHostTakesTheProductsOneByOne() {
    int layerPasses = 4;
    TrainingFixture.Workload workload =
        TrainingFixture.Workload.of("mixtral", 2, 0.05).products("one-by-one");
    assertThat(reads(Topology.single(), PolicyName.FSMOE, workload, new ArrayList<>()))
        .containsOnly(READS_OF_A_STEP + layerPasses);
  }

  private List<Integer> reads(TrainingFixture.Workload workload, List<Watch> watches) {
    return reads(new Topology(4, 2, 2, 2, 2), PolicyName.FSMOE, workload, watches);
  }

  private List<Integer> reads(
      Topology topology,
      PolicyName policy,
      TrainingFixture.Workload workload,
      List<Watch> watches) {
    TrainSetup setup =
        TrainingFixture.scheduled(
            TrainingFixture.setup(TrainConfigs.of(2, 2), directory),
            new ScheduleConfig(policy, 1, 0, "", 1e9, 1000, ""));
    return TrainingFixture.train(topology, setup, workload, new OnStreams(watches)).steps().stream()
        .map(step -> Math.toIntExact(step.hostReads()))
        .toList();
  }

  private static TrainingFixture.Run train(
      Topology topology, TrainSetup setup, List<Watch> watches) {
    return TrainingFixture.train(
        topology, setup, TrainingFixture.Workload.of("mixtral", 2, 0.05), new OnStreams(watches));
  }

  private TrainSetup flowing(TrainConfig config, Path cache, String name) {
    return TrainingFixture.scheduled(
        TrainingFixture.setup(config, directory.resolve(name)),
        new ScheduleConfig(PolicyName.BEST, 4, 0, cache.toString(), 1e9, 1000, ""));
  }
}
