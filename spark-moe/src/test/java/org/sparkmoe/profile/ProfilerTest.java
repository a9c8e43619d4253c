package org.sparkmoe.profile;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.sparkmoe.model.Ranks;
import org.sparkmoe.schedule.cost.CostModels;
import org.sparkmoe.schedule.cost.ExpertType;
import org.sparkmoe.schedule.cost.LayerShape;
import org.sparkmoe.schedule.cost.LayerWorkload;
import org.sparkmoe.schedule.cost.Testbed;
import org.sparkmoe.topology.Topology;

class ProfilerTest {
  private static final Topology TOPOLOGY = new Topology(4, 2, 2, 2, 2);
  private static final JobShape JOB =
      new JobShape(new LayerShape(2, 4, 32, 64, 128, 2, ExpertType.MIXTRAL), TOPOLOGY, 8192);

  @TempDir private Path folder;

  @Test
  void allRanksGetTheSameModelsAndTheCacheKeepsThem() {
    ProfileCache cache = new ProfileCache(folder);
    List<Profile> measured =
        Ranks.run(TOPOLOGY, groups -> cache.get(JOB, groups, new MatrixProducts(JOB)));
    assertThat(measured).containsOnly(measured.get(0));
    List<Profile> kept =
        Ranks.run(TOPOLOGY, groups -> cache.get(JOB, groups, new MatrixProducts(JOB)));
    assertThat(kept).as("not measured again").containsOnly(measured.get(0));
  }

  @Test
  void aDamagedCacheIsMeasuredAgain() throws IOException {
    ProfileCache cache = new ProfileCache(folder);
    Ranks.run(TOPOLOGY, groups -> cache.get(JOB, groups, new MatrixProducts(JOB)));
    try (var files = Files.list(folder)) {
      Files.writeString(files.findFirst().orElseThrow(), "values = [1, 2");
    }
    assertThat(Ranks.run(TOPOLOGY, groups -> cache.get(JOB, groups, new MatrixProducts(JOB))))
        .hasSize(4);
  }

  @Test
  void theTestbedFileGivesTheSameTimes() throws IOException {
    Profile profile = Ranks.run(TOPOLOGY, groups -> Profiler.measure(JOB, groups)).get(0);
    Path file = Files.writeString(folder.resolve("measured.conf"), profile.asTestbed(JOB));
    Testbed testbed = Testbed.read(file);
    LayerWorkload work = JOB.workload();
    LayerWorkload read = testbed.workload(JOB.layer());
    assertThat(read.allToAll()).isEqualTo(work.allToAll());
    assertThat(read.intraNode()).isEqualTo(work.intraNode());
    CostModels costs = profile.costs();
    double bothDirections =
        costs.attention().time(work.attention()) + costs.attentionBackward().time(work.attention());
    assertThat(3 * testbed.models(JOB.layer()).attention().time(read.attention()))
        .as("three times forward")
        .isCloseTo(bothDirections, within(1e-6));
  }
}
