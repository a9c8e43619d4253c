package org.sparkmoe.faults;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Two of the faults of {@code benchmarks/faults/run}: one that restarts, one that ends the job. */
class FaultsIT {
  @TempDir private Path directory;

  @Test
  void theLossCurveIsTheSameAfterAnExecutorWasKilledAndAfterTheDriverWasToldToEnd()
      throws Exception {
    Installation spark = Installation.here();
    Scene.Cluster oneJvm = new Scene.Cluster("local[2]", List.of(), List.of());
    FaultRun.Reference undisturbed =
        FaultRun.undisturbed(
            new Scene(spark, oneJvm, directory.resolve("undisturbed")), FaultRun.SETTINGS);
    assertAsExpected("sigkill", new Scene(spark, Scene.Cluster.local(2), directory), undisturbed);
    assertAsExpected("sigterm", new Scene(spark, oneJvm, directory), undisturbed);
  }

  private static void assertAsExpected(String word, Scene parent, FaultRun.Reference undisturbed)
      throws Exception {
    Scene scene = new Scene(parent.spark(), parent.cluster(), parent.directory().resolve(word));
    FaultRun.Result result = new FaultRun(scene, Faults.all().get(word)).against(undisturbed);
    assertThat(result.expected()).as(result.toString()).isTrue();
    assertThat(result.detected()).as(result.toString()).isNotNaN();
  }
}
