package org.sparkmoe.train;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.Test;
import org.sparkmoe.lane.ClockedGpu;
import org.sparkmoe.lane.Gpu;
import org.sparkmoe.lane.GpuStream;
import org.sparkmoe.lane.Lanes;
import org.sparkmoe.model.Ranks;
import org.sparkmoe.tensor.Parameter;
import org.sparkmoe.tensor.Parameter.Replication;
import org.sparkmoe.topology.RankGroups;
import org.sparkmoe.topology.Topology;

class GradientSlicesTest {
  private static final Topology TOPOLOGY = new Topology(3, 1, 1, 3, 1);
  private static final int BLOCKS = 4;
  private static final int WIDTH = 1000;

  @Test
  void slicesDuringBackwardSumAsOneAllReduceDoes() {
    List<Boolean> equal =
        Ranks.run(
            TOPOLOGY,
            groups -> {
              List<ParameterGroup> sliced = ParameterGroup.of(parameters());
              List<ParameterGroup> whole = ParameterGroup.of(parameters());
              try (GradientSlices slices = threads(sliced, groups)) {
                backward(sliced, slices, groups);
                new Gradients(sliced, groups, slices).sumOverReplicas();
              }
              backward(whole, groups);
              new Gradients(whole, groups, null).sumOverReplicas();
              return sliced.get(0).gradients().equal(whole.get(0).gradients());
            });
    assertThat(equal).containsExactly(true, true, true);
  }

  @Test
  void aSliceNeverTakesWhatBackwardHasNotReached() {
    List<Boolean> untouched =
        Ranks.run(
            TOPOLOGY,
            groups -> {
              List<ParameterGroup> flat = ParameterGroup.of(parameters());
              try (GradientSlices slices = threads(flat, groups)) {
                slices.open();
                flat.get(0).gradients().fill_(new Scalar(1.0));
                slices.begin(1, 1e9);
                slices.await();
              }
              Tensor gradients = flat.get(0).gradients();
              long finished = flat.get(0).slots().get(2).start();
              boolean kept = gradients.narrow(0, 0, finished).eq(new Scalar(1.0)).all().item_bool();
              boolean summed =
                  gradients
                      .narrow(0, finished, gradients.numel() - finished)
                      .eq(new Scalar(3.0))
                      .all()
                      .item_bool();
              return kept && summed;
            });
    assertThat(untouched).containsExactly(true, true, true);
  }

  private static GradientSlices threads(List<ParameterGroup> flat, RankGroups groups) {
    return new GradientSlices(flat, groups, Lanes.threads());
  }

  /**
   * Blocks write their gradients on a stream of their own, as backward's tasks do; a slice follows
   * each.
   */
  @Test
  void onAGpuASliceComesAfterWhoWroteItAndTheOptimiserAfterTheSlice() {
    List<List<String>> found =
        Ranks.run(
            TOPOLOGY,
            groups -> {
              ClockedGpu gpu = new ClockedGpu();
              RankGroups clocked = TrainingOnStreamsTest.clocked(groups, gpu);
              List<ParameterGroup> flat = ParameterGroup.of(parameters());
              GpuStream compute = gpu.stream(Gpu.Priority.NORMAL);
              try (GradientSlices slices = new GradientSlices(flat, clocked, Lanes.streams(gpu))) {
                slices.open();
                for (int block = BLOCKS - 1; block >= 0; block--) {
                  int written = block;
                  compute.run(
                      () -> {
                        fill(flat, written, groups);
                        gpu.writes("block " + written, gradient(flat, written));
                        slices.begin(written - 1, 333);
                        slices.begin(written - 1, 1200);
                      });
                }
                gpu.current().follow(compute);
                new Gradients(flat, clocked, slices).sumOverReplicas();
                gpu.reads("optimiser", flat.get(0).gradients());
                assertThat(gpu.hostWaits()).isZero();
              }
              return gpu.races();
            });
    assertThat(found).containsOnly(List.of());
  }

  @Test
  void onAGpuASliceThatItsWriterDidNotBeginIsFoundOut() {
    List<List<String>> found =
        Ranks.run(
            TOPOLOGY,
            groups -> {
              ClockedGpu gpu = new ClockedGpu();
              RankGroups clocked = TrainingOnStreamsTest.clocked(groups, gpu);
              List<ParameterGroup> flat = ParameterGroup.of(parameters());
              GpuStream compute = gpu.stream(Gpu.Priority.NORMAL);
              try (GradientSlices slices = new GradientSlices(flat, clocked, Lanes.streams(gpu))) {
                slices.open();
                compute.run(() -> gpu.writes("block 3", gradient(flat, 3)));
                slices.begin(2, WIDTH);
                slices.await();
              }
              return gpu.races();
            });
    assertThat(found).allSatisfy(races -> assertThat(races).hasSize(1));
  }

  private static Tensor gradient(List<ParameterGroup> flat, int block) {
    ParameterGroup group = flat.get(0);
    return group.box(group.gradients(), group.slots().get(block));
  }

  /** Blocks from last to first; slices of odd sizes after each. */
  private static void backward(
      List<ParameterGroup> parameters, GradientSlices slices, RankGroups groups) {
    slices.open();
    for (int block = BLOCKS - 1; block >= 0; block--) {
      fill(parameters, block, groups);
      slices.begin(block - 1, 333);
      slices.begin(block - 1, 1200);
    }
  }

  private static void backward(List<ParameterGroup> parameters, RankGroups groups) {
    for (int block = BLOCKS - 1; block >= 0; block--) {
      fill(parameters, block, groups);
    }
  }

  private static void fill(List<ParameterGroup> parameters, int block, RankGroups groups) {
    gradient(parameters, block)
        .copy_(torch.arange(new Scalar(WIDTH)).mul(new Scalar(0.1 + block + groups.rank())));
  }

  private static List<Parameter> parameters() {
    List<Parameter> parameters = new ArrayList<>();
    for (int block = 0; block < BLOCKS; block++) {
      parameters.add(
          new Parameter(
              "layers.%d.attention.weight".formatted(block),
              torch.zeros(WIDTH).set_requires_grad(true),
              Replication.DATA,
              new long[] {WIDTH},
              new long[] {0},
              true,
              null));
    }
    return parameters;
  }
}
