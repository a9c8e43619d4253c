package org.sparkmoe.app;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.sparkmoe.example.DistanceGate;
import org.sparkmoe.moe.GateProvider;

/** A user's gate in a jar of theirs, sent by {@code --jars} to executors that do not have it. */
class UserGateIT {
  @TempDir private Path directory;

  @Test
  void aGateOfTheUsersJarIsTrainedByClassNameAndByShortName() throws Exception {
    Path jar = directory.resolve("my-gates.jar");
    try (UserJar content = new UserJar(jar)) {
      content.add(DistanceGate.class).serve(GateProvider.class, DistanceGate.class);
    }
    List<Double> byClassName = train(jar, DistanceGate.class.getName());
    assertThat(byClassName).isNotEmpty();
    assertThat(train(jar, new DistanceGate().name())).isEqualTo(byClassName);
  }

  private List<Double> train(Path jar, String gate) throws Exception {
    Path model = directory.resolve(gate);
    List<String> arguments = new ArrayList<>(List.of("--jars", jar.toString()));
    List<String> settings =
        TinyModel.train(model, "--set", "cluster.ranks=2", "--set", "moe.gate=" + gate);
    try (SparkProcess job = SparkProcess.submit("local-cluster[2,1,1024]", arguments, settings)) {
      assertThat(job.exitCode()).as(job.output()).isZero();
    }
    return TinyModel.losses(model);
  }
}
