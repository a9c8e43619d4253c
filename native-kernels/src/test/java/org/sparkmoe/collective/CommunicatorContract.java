package org.sparkmoe.collective;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.sparkmoe.collective.Communicator.Handle;
import org.sparkmoe.collective.Communicator.Reduction;
import org.sparkmoe.tensor.NativeGarbage;
import org.sparkmoe.tensor.TensorScope;

/** What every transport must do. */
abstract class CommunicatorContract {
  private static final Duration TIMEOUT = Duration.ofSeconds(20);

  private final List<CommunicatorFactory> opened = new ArrayList<>();

  /** One factory for each rank of a new world. */
  abstract List<CommunicatorFactory> world(int size);

  @BeforeAll
  static void oneThreadForEachRank() {
    torch.set_num_threads(1);
  }

  @AfterEach
  void closeWorlds() {
    opened.forEach(CommunicatorFactory::close);
  }

  private List<CommunicatorFactory> open(int size) {
    List<CommunicatorFactory> factories = world(size);
    opened.addAll(factories);
    return factories;
  }

  private List<Communicator> group(int size, Duration timeout) {
    List<CommunicatorFactory> factories = open(size);
    List<Integer> everyone = IntStream.range(0, size).boxed().toList();
    return Ranks.run(size, rank -> factories.get(rank).create("everyone", everyone, timeout));
  }

  /** Small whole numbers, which every dtype holds and adds up without rounding. */
  private static Tensor numbers(ScalarType dtype, int rank, long... shape) {
    Tensor tensor = torch.empty(shape).zero_();
    Tensor count = torch.arange(new Scalar(tensor.numel())).add(new Scalar(7L * rank));
    return count.remainder(new Scalar(13)).view(shape).to(dtype);
  }

  private static Tensor like(Tensor tensor, long... shape) {
    return torch.full(shape, new Scalar(-1)).to(tensor.scalar_type());
  }

  private static void assertEqual(Tensor actual, Tensor expected) {
    assertThat(actual.equal(expected))
        .as(() -> "%s%nexpected %s".formatted(actual, expected))
        .isTrue();
  }

  @ParameterizedTest
  @EnumSource(
      value = ScalarType.class,
      names = {"Float", "Double", "BFloat16", "Long"})
  void allToAllMovesBlockIToRankI(ScalarType dtype) {
    List<Communicator> group = group(3, TIMEOUT);
    Ranks.run(
        3,
        rank -> {
          Tensor output = like(numbers(dtype, 0, 1), 6, 5);
          group.get(rank).allToAll(output, numbers(dtype, rank, 6, 5)).await();
          for (int peer = 0; peer < 3; peer++) {
            assertEqual(
                output.narrow(0, 2L * peer, 2), numbers(dtype, peer, 6, 5).narrow(0, 2L * rank, 2));
          }
          return null;
        });
  }

  @ParameterizedTest
  @EnumSource(
      value = ScalarType.class,
      names = {"Float", "Double", "BFloat16", "Long"})
  void unevenAllToAllMovesAnyNumberOfRowsNoneAmongThem(ScalarType dtype) {
    // Rank 1 sends nothing and rank 2 gets nothing; rows[from][to].
    long[][] rows = {{1, 3, 0}, {0, 0, 0}, {2, 0, 0}};
    List<Communicator> group = group(3, TIMEOUT);
    Ranks.run(
        3,
        rank -> {
          long[] sent = rows[rank];
          long[] received = IntStream.range(0, 3).mapToLong(from -> rows[from][rank]).toArray();
          Tensor input = numbers(dtype, rank, LongStream.of(sent).sum(), 2, 2);
          Tensor output = like(input, LongStream.of(received).sum(), 2, 2);
          group.get(rank).allToAll(output, input, received, sent).await();
          long at = 0;
          for (int from = 0; from < 3; from++) {
            Tensor peersInput = numbers(dtype, from, LongStream.of(rows[from]).sum(), 2, 2);
            long start = LongStream.of(rows[from]).limit(rank).sum();
            assertEqual(
                output.narrow(0, at, received[from]), peersInput.narrow(0, start, received[from]));
            at += received[from];
          }
          return null;
        });
  }

  @ParameterizedTest
  @EnumSource(
      value = ScalarType.class,
      names = {"Float", "Double", "BFloat16", "Long"})
  void gatherReduceAndBroadcastMatchPlainLoops(ScalarType dtype) {
    int size = 4;
    List<Communicator> group = group(size, TIMEOUT);
    Ranks.run(
        size,
        rank -> {
          Communicator me = group.get(rank);
          Tensor gathered = like(numbers(dtype, 0, 1), 12, 2);
          me.allGather(gathered, numbers(dtype, rank, 3, 2)).await();
          Tensor sum = numbers(dtype, rank, 12, 2);
          me.allReduce(sum, Reduction.SUM).await();
          Tensor max = numbers(dtype, rank, 3);
          me.allReduce(max, Reduction.MAX).await();
          Tensor part = like(sum, 3, 2);
          me.reduceScatter(part, numbers(dtype, rank, 12, 2)).await();
          Tensor sent = numbers(dtype, rank, 5);
          me.broadcast(sent, 2).await();
          me.barrier().await();

          Tensor expectedSum = numbers(dtype, 0, 12, 2);
          Tensor expectedMax = numbers(dtype, 0, 3);
          for (int peer = 0; peer < size; peer++) {
            assertEqual(gathered.narrow(0, 3L * peer, 3), numbers(dtype, peer, 3, 2));
            if (peer > 0) {
              expectedSum.add_(numbers(dtype, peer, 12, 2));
              expectedMax = torch.maximum(expectedMax, numbers(dtype, peer, 3));
            }
          }
          assertEqual(sum, expectedSum);
          assertEqual(max, expectedMax);
          assertEqual(part, expectedSum.narrow(0, 3L * rank, 3));
          assertEqual(sent, numbers(dtype, 2, 5));
          return null;
        });
  }

  @Test
  void sumsOfAnyLengthAreTheSameOnEveryRankAndInRankOrder() {
    List<Communicator> group = group(3, TIMEOUT);
    for (long length : new long[] {0, 1, 2, 7, 100_003}) {
      List<Tensor> inputs = IntStream.range(0, 3).mapToObj(rank -> torch.randn(length)).toList();
      Tensor expected = inputs.get(0).add(inputs.get(1)).add(inputs.get(2));
      Ranks.run(
          3,
          rank -> {
            Tensor sum = inputs.get(rank).clone();
            group.get(rank).allReduce(sum, Reduction.SUM).await();
            assertEqual(sum, expected);
            return null;
          });
    }
  }

  @Test
  void bf16SumsAreRoundedOnce() {
    List<Communicator> group = group(3, TIMEOUT);
    // 256 + 1 is not a bf16: rounding after every addition would lose both ones.
    float[] values = {256, 1, 1};
    Ranks.run(
        3,
        rank -> {
          Tensor sum =
              torch.full(new long[] {40}, new Scalar(values[rank])).to(ScalarType.BFloat16);
          group.get(rank).allReduce(sum, Reduction.SUM).await();
          assertThat(sum.to(ScalarType.Float).max().item_float()).isEqualTo(258f);
          return null;
        });
  }

  @Test
  void everyCollectiveAndItsAdjointAgree() {
    List<Communicator> group = group(3, TIMEOUT);
    long[][] rows = {{1, 3, 0}, {2, 0, 1}, {2, 0, 4}};
    List<double[]> products =
        Ranks.run(
            3,
            rank -> {
              Communicator me = group.get(rank);
              long[] out = rows[rank];
              long[] in = IntStream.range(0, 3).mapToLong(from -> rows[from][rank]).toArray();
              Tensor x = random(LongStream.of(out).sum());
              Tensor y = random(LongStream.of(in).sum());
              Tensor ax = random(LongStream.of(in).sum());
              Tensor aty = random(LongStream.of(out).sum());
              me.allToAll(ax, x, in, out).await();
              me.allToAll(aty, y, out, in).await();
              Tensor small = random(2);
              Tensor large = random(6);
              Tensor gathered = random(6);
              Tensor scattered = random(2);
              me.allGather(gathered, small).await();
              me.reduceScatter(scattered, large).await();
              Tensor u = random(5);
              Tensor v = random(5);
              Tensor au = u.clone();
              Tensor av = v.clone();
              me.allReduce(au, Reduction.SUM).await();
              me.allReduce(av, Reduction.SUM).await();
              return new double[] {
                dot(ax, y),
                dot(x, aty),
                dot(gathered, large),
                dot(small, scattered),
                dot(au, v),
                dot(u, av)
              };
            });
    for (int pair = 0; pair < 6; pair += 2) {
      int p = pair;
      assertThat(products.stream().mapToDouble(d -> d[p]).sum())
          .isCloseTo(products.stream().mapToDouble(d -> d[p + 1]).sum(), within(1e-12));
    }
  }

  private static Tensor random(long rows) {
    return torch.randn(rows, 3).to(ScalarType.Double);
  }

  private static double dot(Tensor a, Tensor b) {
    return a.mul(b).sum().item_double();
  }

  @Test
  void aGroupOfOneRankCopies() {
    Communicator alone = group(1, TIMEOUT).get(0);
    Tensor input = torch.randn(4, 2);
    for (int operation = 0; operation < 3; operation++) {
      Tensor output = torch.zeros(4, 2);
      Handle handle =
          switch (operation) {
            case 0 -> alone.allToAll(output, input);
            case 1 -> alone.allGather(output, input);
            default -> alone.reduceScatter(output, input);
          };
      handle.await();
      assertEqual(output, input);
    }
    Tensor same = input.clone();
    alone.allReduce(same, Reduction.SUM).await();
    alone.broadcast(same, 0).await();
    alone.barrier().await();
    assertEqual(same, input);
  }

  @Test
  void groupsOverlapAndHandlesMayBeAwaitedInAnyOrder() {
    List<CommunicatorFactory> factories = open(4);
    List<Tensor> sums =
        Ranks.run(
            4,
            rank -> {
              List<Integer> row = rank < 2 ? List.of(0, 1) : List.of(2, 3);
              List<Integer> column = List.of(rank % 2, rank % 2 + 2);
              Communicator rows = factories.get(rank).create("row", row, TIMEOUT);
              Communicator columns = factories.get(rank).create("column", column, TIMEOUT);
              Communicator world = factories.get(rank).create("all", List.of(0, 1, 2, 3), TIMEOUT);
              Tensor a = torch.full(new long[] {1000}, new Scalar((float) rank));
              Tensor b = a.clone();
              Tensor c = a.clone();
              Tensor d = a.clone();
              List<Handle> handles =
                  new ArrayList<>(
                      List.of(
                          rows.allReduce(a, Reduction.SUM),
                          columns.allReduce(b, Reduction.SUM),
                          world.allReduce(c, Reduction.SUM),
                          world.allReduce(d, Reduction.MAX)));
              if (rank % 2 == 0) {
                Collections.reverse(handles);
              }
              handles.forEach(Handle::await);
              return torch.stack(new TensorVector(a.max(), b.max(), c.max(), d.max()));
            });
    float[][] expected = {{1, 2, 6, 3}, {1, 4, 6, 3}, {5, 2, 6, 3}, {5, 4, 6, 3}};
    for (int rank = 0; rank < 4; rank++) {
      for (int i = 0; i < 4; i++) {
        assertThat(sums.get(rank).get(i).item_float()).isEqualTo(expected[rank][i]);
      }
    }
  }

  @Test
  void abortUnblocksEveryRankAndLaterOperationsFailAtOnce() {
    List<Communicator> group = group(3, TIMEOUT);
    CountDownLatch waiting = new CountDownLatch(2);
    List<Throwable> failures =
        Ranks.failures(
            3,
            Duration.ofSeconds(10),
            rank -> {
              Communicator me = group.get(rank);
              if (rank == 2) {
                awaitUninterrupted(waiting);
                me.abort("the data ran out");
                me.barrier().await();
              } else {
                Handle handle = me.allReduce(torch.ones(10), Reduction.SUM);
                waiting.countDown();
                handle.await();
              }
              return null;
            });
    for (int rank = 0; rank < 3; rank++) {
      assertThat(failures.get(rank))
          .isInstanceOf(CollectiveException.class)
          .hasMessageContaining("rank " + rank + ": ")
          .hasMessageContaining("in group everyone [0, 1, 2]");
    }
    assertThat(failures.get(2)).hasMessageContaining("the data ran out");
    assertThatThrownBy(() -> group.get(0).barrier().await())
        .isInstanceOf(CollectiveException.class);
  }

  @Test
  void aTimeoutNamesRankGroupOperationAndElapsedTimeAndEndsTheOthersToo() {
    List<Communicator> group = group(3, Duration.ofMillis(400));
    List<Throwable> failures =
        Ranks.failures(
            2,
            Duration.ofSeconds(10),
            rank -> {
              group.get(rank).allGather(torch.zeros(6, 2), torch.ones(2, 2)).await();
              return null;
            });
    assertThat(failures).allMatch(CollectiveException.class::isInstance);
    assertThat(failures)
        .anySatisfy(
            failure ->
                assertThat(failure.getMessage())
                    .containsPattern(
                        "rank [01]: allGather in group everyone \\[0, 1, 2] timed out after"
                            + " 0\\.[45]\\d s"));
  }

  @Test
  void wrongArgumentsAreRefusedBeforeAnythingIsSent() {
    Communicator one = group(2, TIMEOUT).get(0);
    Tensor rows4 = torch.zeros(4, 2);
    assertThatThrownBy(() -> one.allGather(rows4, rows4))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("output has 4 rows, but 2 ranks with 4 rows of input each make 8");
    assertThatThrownBy(() -> one.allToAll(torch.zeros(3, 2), torch.zeros(3, 2)))
        .hasMessageContaining("3 rows, which 2 ranks do not divide");
    assertThatThrownBy(() -> one.allToAll(rows4, rows4, new long[] {1, 2}, new long[] {2, 2}))
        .hasMessageContaining("outputRows [1, 2] add up to 3, but output has 4 rows");
    assertThatThrownBy(() -> one.allToAll(rows4, torch.zeros(4, 3)))
        .hasMessageContaining("rows of the same shape");
    assertThatThrownBy(() -> one.allReduce(rows4.t(), Reduction.SUM))
        .hasMessageContaining("must be contiguous");
    assertThatThrownBy(() -> one.allReduce(rows4.to(ScalarType.Int), Reduction.SUM))
        .hasMessageContaining("has dtype Int, allowed: [Float, Double, BFloat16, Long]");
    assertThatThrownBy(() -> one.broadcast(rows4, 2))
        .hasMessageContaining("root 2 must be a rank of the group, 0 to 1");
  }

  @Test
  void operationsLeaveNoNativeObjectsBehindAndSurviveTheCallersScope() {
    List<Communicator> group = group(2, TIMEOUT);
    Ranks.run(2, rank -> step(group.get(rank)));
    NativeGarbage.awaitGone();
    long before = Pointer.totalCount();
    for (int i = 0; i < 3; i++) {
      Ranks.run(2, rank -> step(group.get(rank)));
    }
    assertThat(Pointer.totalCount()).isEqualTo(before);
  }

  private static boolean step(Communicator me) {
    Handle handle;
    try (TensorScope scope = TensorScope.open()) {
      Tensor sum = torch.ones(50_000);
      me.allToAll(torch.zeros(50, 100), torch.ones(50, 100)).await();
      handle = me.allReduce(sum, Reduction.SUM);
    }
    handle.await();
    me.barrier().await();
    return true;
  }

  private static void awaitUninterrupted(CountDownLatch latch) {
    try {
      latch.await();
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }
}
