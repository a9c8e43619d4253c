package org.sparkmoe.collective;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.BrokenBarrierException;
import java.util.concurrent.CyclicBarrier;
import java.util.stream.Stream;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.Test;
import org.sparkmoe.collective.Communicator.Reduction;

class GlooCommunicatorTest extends CommunicatorContract {
  private static final Duration CONNECT = Duration.ofSeconds(20);

  @Override
  List<CommunicatorFactory> world(int size) {
    ThreadRendezvous rendezvous = new ThreadRendezvous(size);
    return Ranks.run(
        size, rank -> GlooWorld.join(rank, size, rendezvous.of(rank), "127.0.0.1", CONNECT));
  }

  @Test
  void bothTransportsGiveTheSameBits() {
    List<Tensor> inputs = List.of(torch.randn(90_001), torch.randn(90_001), torch.randn(90_001));
    List<Tensor> byThreads = sums(InProcessCommunicator.group(3, Duration.ofSeconds(20)), inputs);
    List<CommunicatorFactory> world = world(3);
    List<Tensor> byGloo =
        sums(
            Ranks.run(3, rank -> world.get(rank).create("world", List.of(0, 1, 2), CONNECT)),
            inputs);
    for (int rank = 0; rank < 3; rank++) {
      assertThat(byGloo.get(rank).equal(byThreads.get(rank))).isTrue();
    }
    world.forEach(CommunicatorFactory::close);
  }

  private static List<Tensor> sums(List<Communicator> group, List<Tensor> inputs) {
    return Ranks.run(
        3,
        rank -> {
          Tensor sum = inputs.get(rank).clone();
          group.get(rank).allReduce(sum, Reduction.SUM).await();
          return sum;
        });
  }

  @Test
  void onlyOneAddressOfThisNodeIsListenedOn() {
    ThreadRendezvous rendezvous = new ThreadRendezvous(1);
    assertThatThrownBy(() -> GlooWorld.join(0, 1, rendezvous.of(0), "0.0.0.0", CONNECT))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("0.0.0.0 would listen on every network");
    assertThatThrownBy(() -> GlooWorld.join(0, 1, rendezvous.of(0), "192.0.2.1", CONNECT))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("192.0.2.1 is none of this node's, which are")
        .hasMessageContaining("127.0.0.1");
  }

  @Test
  void nothingListensBeyondTheGivenAddress() throws IOException {
    Set<String> before = listening();
    List<CommunicatorFactory> world = world(2);
    Ranks.run(2, rank -> world.get(rank).create("world", List.of(0, 1), CONNECT));
    Set<String> added = listening();
    added.removeAll(before);
    world.forEach(CommunicatorFactory::close);

    assertThat(added).isNotEmpty().allSatisfy(a -> assertThat(a).startsWith("0100007F:"));
  }

  /** Addresses on which this process listens, as Linux writes them in hexadecimal. */
  private static Set<String> listening() throws IOException {
    Set<String> sockets = new HashSet<>();
    try (Stream<Path> files = Files.list(Path.of("/proc/self/fd"))) {
      for (Path file : files.toList()) {
        if (Files.isSymbolicLink(file)) {
          sockets.add(Files.readSymbolicLink(file).toString());
        }
      }
    }
    Set<String> addresses = new HashSet<>();
    for (String table : List.of("tcp", "tcp6")) {
      for (String line : Files.readAllLines(Path.of("/proc/self/net", table))) {
        String[] columns = line.strip().split("\\s+");
        if (columns[3].equals("0A") && sockets.contains("socket:[" + columns[9] + "]")) {
          addresses.add(columns[1]);
        }
      }
    }
    return addresses;
  }

  @Test
  void ranksThatMakeGroupsInDifferentOrdersAreToldSo() {
    List<CommunicatorFactory> world = world(2);
    List<Throwable> failures =
        Ranks.failures(
            2,
            CONNECT,
            rank -> world.get(rank).create(rank == 0 ? "ep" : "esp", List.of(0, 1), CONNECT));
    assertThat(failures.get(0))
        .hasMessageContaining("rank 0: connect in group ep [0, 1]: rank 1 makes group esp");
    world.forEach(CommunicatorFactory::close);
  }

  /** A rendezvous of threads. */
  private static final class ThreadRendezvous {
    private final CyclicBarrier barrier;
    private final String[] messages;

    ThreadRendezvous(int size) {
      barrier = new CyclicBarrier(size);
      messages = new String[size];
    }

    Rendezvous of(int rank) {
      return message -> {
        try {
          messages[rank] = message;
          barrier.await();
          List<String> all = List.of(messages);
          barrier.await();
          return all;
        } catch (InterruptedException | BrokenBarrierException e) {
          throw new IllegalStateException(e);
        }
      };
    }
  }
}
