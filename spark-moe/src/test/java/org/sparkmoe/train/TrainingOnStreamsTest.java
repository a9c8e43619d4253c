package org.sparkmoe.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.TensorBase;
import org.bytedeco.pytorch.VoidTensorHook;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.sparkmoe.collective.Communicator;
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
  private record Watch(int rank, ClockedGpu gpu, LanguageModel model, Set<String> writers) {

    /** Autograd calls hooks on the thread that called it, with its stream. */
    void wrote(int block) {
      writers.add(gpu.currentName());
      sliced(model, block).forEach(p -> gpu.writes(p.name(), p.value().grad()));
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

  static RankGroups clocked(RankGroups groups, ClockedGpu gpu) {
    Communicator world = new ClockedCommunicator(groups.world(), gpu);
    return new RankGroups(
        groups.topology(),
        groups.rank(),
        world,
        new ClockedCommunicator(groups.mp(), gpu),
        new ClockedCommunicator(groups.dp(), gpu),
        new ClockedCommunicator(groups.ep(), gpu),
        new ClockedCommunicator(groups.esp(), gpu),
        new ClockedCommunicator(groups.edp(), gpu));
  }

  private static TrainingFixture.Making onStreams(List<Watch> watches) {
    return (setup, model, groups, data, listener) -> {
      ClockedGpu gpu = new ClockedGpu();
      Watch watch = new Watch(groups.rank(), gpu, model, new TreeSet<>());
      synchronized (watches) {
        watches.add(watch);
      }
      OF_RANK.set(watch);
      TrainingListener watching =
          new TrainingListener() {
            @Override
            public void started(TrainingStart start) {
              watch.writers.clear();
            }

            @Override
            public void step(StepMetrics metrics) {
              watch.endOfStep();
              assertThat(gpu.hostWaits()).isZero();
              listener.step(metrics);
            }
          };
      Trainer trainer = new Trainer(setup, model, clocked(groups, gpu), data, watching, gpu);
      for (int block = 0; block < BLOCKS; block++) {
        for (Parameter parameter : sliced(model, block)) {
          parameter.value().register_hook(HOOKS.get(block));
        }
      }
      return trainer;
    };
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
    assertThat(watches)
        .filteredOn(watch -> watch.rank == 0)
        .allSatisfy(
            watch -> assertThat(watch.writers).as("lanes").anyMatch(name -> !name.equals("host")));
  }

  private static TrainingFixture.Run train(
      Topology topology, TrainSetup setup, List<Watch> watches) {
    return TrainingFixture.train(
        topology, setup, TrainingFixture.Workload.of("mixtral", 2, 0.05), onStreams(watches));
  }

  private TrainSetup flowing(TrainConfig config, Path cache, String name) {
    return TrainingFixture.scheduled(
        TrainingFixture.setup(config, directory.resolve(name)),
        new ScheduleConfig(PolicyName.BEST, 4, 0, cache.toString(), 1e9, 1000, ""));
  }
}
