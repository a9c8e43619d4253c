package org.sparkmoe.collective;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.List;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.Test;
import org.sparkmoe.collective.Communicator.Reduction;

class InProcessCommunicatorTest extends CommunicatorContract {
  @Override
  List<CommunicatorFactory> world(int size) {
    InProcessWorld world = InProcessWorld.of(size, Duration.ofMinutes(1));
    return IntStream.range(0, size).mapToObj(world::factory).toList();
  }

  @Test
  void aTimeoutNamesTheMissingPeers() {
    List<Communicator> group = InProcessCommunicator.group(4, Duration.ofMillis(200));
    List<Throwable> failures =
        Ranks.failures(
            2,
            Duration.ofSeconds(10),
            rank -> {
              group.get(rank).barrier().await();
              return null;
            });
    assertThat(failures)
        .anySatisfy(
            failure -> assertThat(failure).hasMessageContaining("waiting for rank 2, rank 3"));
  }

  @Test
  void ranksThatDisagreeOnTheOperationAreToldSo() {
    List<Communicator> group = InProcessCommunicator.group(2, Duration.ofSeconds(10));
    List<Throwable> failures =
        Ranks.failures(
            2,
            Duration.ofSeconds(5),
            rank -> {
              group.get(rank).allReduce(torch.ones(rank + 3), Reduction.SUM).await();
              return null;
            });
    assertThat(failures.get(0))
        .hasMessageContaining("rank 0 calls allReduce SUM Float of 3 elements")
        .hasMessageContaining("rank 1 calls allReduce SUM Float of 4 elements");
  }
}
