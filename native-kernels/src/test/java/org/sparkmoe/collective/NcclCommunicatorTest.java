package org.sparkmoe.collective;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CyclicBarrier;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.sparkmoe.lane.FakeGpu;

/** The contract over a NCCL made of threads: everything but the binding is the real thing. */
class NcclCommunicatorTest extends CommunicatorContract {
  @Override
  List<CommunicatorFactory> world(int size) {
    return world(IntStream.range(0, size).mapToObj(rank -> new FakeGpu()).toList());
  }

  private static List<CommunicatorFactory> world(List<FakeGpu> gpus) {
    int size = gpus.size();
    Map<String, FakeNccl.Group> groups = new ConcurrentHashMap<>();
    ThreadRendezvous rendezvous = new ThreadRendezvous(size);
    return IntStream.range(0, size)
        .<CommunicatorFactory>mapToObj(
            rank -> {
              FakeGpu gpu = gpus.get(rank);
              return new NcclWorld(
                  rank, rendezvous.of(rank), gpu, new FakeNccl(gpu, groups), torch.zeros(1));
            })
        .toList();
  }

  @Test
  void anOperationOfManyRanksDoesNotBlockTheCaller() {
    List<CommunicatorFactory> factories = world(2);
    List<Communicator> group =
        Ranks.run(
            2, rank -> factories.get(rank).create("pair", List.of(0, 1), Duration.ofSeconds(20)));
    Tensor first = torch.ones(3);
    Tensor second = torch.ones(3);
    // Rank 1 has not called yet, so that this could not return if it waited.
    Communicator.Handle handle = group.get(0).allReduce(first, Communicator.Reduction.SUM);
    group.get(1).allReduce(second, Communicator.Reduction.SUM).await();
    handle.await();
    assertThat(first.equal(second)).isTrue();
    factories.forEach(CommunicatorFactory::close);
  }

  /** An event of CUDA is a native object until somebody asks for it. */
  @Test
  @Timeout(30)
  void noEventIsLeftToTheGarbageCollector() throws InterruptedException {
    List<FakeGpu> gpus = List.of(new FakeGpu(), new FakeGpu());
    List<CommunicatorFactory> factories = world(gpus);
    Ranks.run(
        2,
        rank -> {
          Communicator pair =
              factories.get(rank).create("pair", List.of(0, 1), Duration.ofSeconds(20));
          for (int i = 0; i < 5; i++) {
            pair.allReduce(torch.ones(3), Communicator.Reduction.SUM).await();
          }
          return pair;
        });
    while (gpus.stream().anyMatch(gpu -> gpu.heldEvents() > 0)) {
      // The watch asks now and then.
      Thread.sleep(20);
    }
    factories.forEach(CommunicatorFactory::close);
  }

  @Test
  @Timeout(30)
  void anErrorOfTheGpuIsToldToWhoeverCallsNext() {
    List<FakeGpu> gpus = List.of(new FakeGpu(), new FakeGpu());
    List<CommunicatorFactory> factories = world(gpus);
    List<Communicator> group =
        Ranks.run(
            2, rank -> factories.get(rank).create("pair", List.of(0, 1), Duration.ofSeconds(20)));
    group.get(0).allReduce(torch.ones(3), Communicator.Reduction.SUM);
    gpus.get(0).fail("an illegal memory access was encountered");

    assertThatThrownBy(
            () -> {
              while (!Thread.interrupted()) {
                group.get(0).allReduce(torch.ones(0), Communicator.Reduction.SUM);
              }
            })
        .isInstanceOf(CollectiveException.class)
        .hasMessageContaining("the GPU failed: an illegal memory access was encountered");
    factories.forEach(CommunicatorFactory::close);
  }

  @Test
  void aMissingLibraryIsNamedWithWhatToDo() {
    NcclPeer here = NcclPeer.here(0);
    if (here.problem().isEmpty()) {
      assertThat(here.ncclVersion()).isPositive();
      return;
    }
    assertThatThrownBy(() -> NcclPeer.check(0, 1, List.of(here.text())))
        .isInstanceOf(CollectiveException.class)
        .hasMessageStartingWith("NCCL cannot connect the ranks: rank 0: ")
        .hasMessageContaining("lib");
  }

  @Test
  void allProblemsOfTheRanksAreReportedAtOnce() {
    List<String> texts =
        List.of(
            new NcclPeer("", 22903, "node1 0000:17:00.0").text(),
            new NcclPeer("", 21602, "node1 0000:17:00.0").text(),
            new NcclPeer("libnccl.so.2: cannot open shared object file", 0, "").text());
    assertThatThrownBy(() -> NcclPeer.check(0, 3, texts))
        .hasMessage(
            "NCCL cannot connect the ranks: rank 1 has NCCL 2.16.2, wanted is 2.18.0 or later; rank"
                + " 1 has NCCL 2.16.2, but rank 0 has 2.29.3: install the same everywhere; rank 0"
                + " and rank 1 both have GPU node1 0000:17:00.0, NCCL wants one for each rank: set"
                + " spark.task.resource.gpu.amount to 1; rank 2: libnccl.so.2: cannot open shared"
                + " object file");
  }

  /** Threads that meet. */
  private static final class ThreadRendezvous {
    private final String[] messages;
    private final CyclicBarrier barrier;

    ThreadRendezvous(int size) {
      messages = new String[size];
      barrier = new CyclicBarrier(size);
    }

    Rendezvous of(int rank) {
      return message -> {
        try {
          messages[rank] = message;
          barrier.await();
          List<String> all = List.of(messages.clone());
          barrier.await();
          return all;
        } catch (Exception e) {
          throw new IllegalStateException(e);
        }
      };
    }
  }
}
