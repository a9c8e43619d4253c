package org.sparkmoe.collective;

import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.bytedeco.javacpp.chrono.Milliseconds;
import org.bytedeco.pytorch.BroadcastOptions;
import org.bytedeco.pytorch.LongVector;
import org.bytedeco.pytorch.MemoryFormatOptional;
import org.bytedeco.pytorch.ProcessGroupGloo;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.Work;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.jspecify.annotations.Nullable;
import org.sparkmoe.tensor.TensorCheck;
import org.sparkmoe.tensor.TensorScope;

/**
 * Ranks as processes (or threads), which exchange bytes by TCP through Gloo.
 *
 * <p>Gloo only moves data here; reductions are done locally, in rank order. Its own ReduceScatter
 * is an AllReduce in disguise: with two ranks and 32 MB it was measured to send 32 MB from each
 * rank, where an AlltoAll followed by a local sum sends 16 MB.
 *
 * <p>Gloo has no abort either. But an application timeout closes all connections of a group, so
 * that operations under way fail here and at the peers; {@link #unblock} brings one about.
 */
final class GlooCommunicator extends QueuedCommunicator {
  /** Below this many bytes in all, one AllGather of everything is faster than two operations. */
  private static final long SMALL_REDUCTION_BYTES = 1 << 16;

  /** Of messages that nobody sends. */
  private static final int ABORT_TAG = 0x0AB0;

  private final @Nullable GlooConnection connection;
  private boolean open = true;

  /** Takes over {@code connection}, which is null for a group of one rank. */
  GlooCommunicator(GroupMember member, @Nullable GlooConnection connection) {
    super(member);
    this.connection = connection;
  }

  @Override
  void runAllToAll(
      Operation operation, Tensor output, Tensor input, long[] outputRows, long[] inputRows) {
    long rowBytes = rowBytes(input);
    LongVector to = new LongVector(LongStream.of(outputRows).map(n -> n * rowBytes).toArray());
    LongVector from = new LongVector(LongStream.of(inputRows).map(n -> n * rowBytes).toArray());
    await(operation, group().alltoall_base(bytes(output), bytes(input), to, from));
  }

  @Override
  void runAllGather(Operation operation, Tensor output, Tensor input) {
    if (input.numel() > 0) {
      await(operation, group()._allgather_base(bytes(output), bytes(input)));
    }
  }

  @Override
  void runReduceScatter(Operation operation, Tensor output, Tensor input) {
    long[] rows = LongStream.generate(() -> output.size(0)).limit(size()).toArray();
    Tensor received = torch.empty_like(input);
    runAllToAll(operation, received, input, rows, rows);
    List<Tensor> parts = parts(received, output.numel());
    RankOrderReduction.reduce(List.of(output.view(-1)), parts, Reduction.SUM);
  }

  @Override
  void runAllReduce(Operation operation, Tensor tensor, Reduction reduction) {
    Tensor flat = tensor.view(-1);
    if (flat.nbytes() * size() <= SMALL_REDUCTION_BYTES) {
      Tensor gathered = empty(flat, flat.numel() * size());
      runAllGather(operation, gathered, flat);
      RankOrderReduction.reduce(List.of(flat), parts(gathered, flat.numel()), reduction);
    } else {
      reduceInParts(operation, flat, reduction);
    }
  }

  /** Rank r reduces the r-th part; then the parts are gathered. */
  private void reduceInParts(Operation operation, Tensor flat, Reduction reduction) {
    long[] starts =
        IntStream.rangeClosed(0, size()).mapToLong(rank -> flat.numel() * rank / size()).toArray();
    long[] counts = IntStream.range(0, size()).mapToLong(r -> starts[r + 1] - starts[r]).toArray();
    long[] mine = LongStream.generate(() -> counts[rank()]).limit(size()).toArray();
    // Parts differ by one element at most; they are gathered as if they were of the longest length.
    long longest = LongStream.of(counts).max().orElseThrow();
    Tensor staging = empty(flat, longest * size());
    Tensor received = staging.narrow(0, 0, mine[0] * size());
    runAllToAll(operation, received, flat, mine, counts);
    Tensor reduced = empty(flat, longest);
    RankOrderReduction.reduce(
        List.of(reduced.narrow(0, 0, mine[0])), parts(received, mine[0]), reduction);
    if (longest * size() == flat.numel()) {
      runAllGather(operation, flat, reduced);
      return;
    }
    runAllGather(operation, staging, reduced);
    for (int peer = 0; peer < size(); peer++) {
      flat.narrow(0, starts[peer], counts[peer])
          .copy_(staging.narrow(0, peer * longest, counts[peer]));
    }
  }

  @Override
  void runBroadcast(Operation operation, Tensor tensor, int root) {
    if (tensor.numel() > 0) {
      BroadcastOptions options = new BroadcastOptions();
      options.rootRank(root);
      await(operation, group().broadcast(new TensorVector(bytes(tensor)), options));
    }
  }

  @Override
  void runBarrier(Operation operation) {
    await(operation, group().barrier());
  }

  @Override
  synchronized void unblock(String reason) {
    if (connection == null || !open) {
      return;
    }
    try (TensorScope scope = TensorScope.open()) {
      int peer = rank() == 0 ? 1 : 0;
      connection.group().recv(new TensorVector(torch.zeros(1)), peer, ABORT_TAG)._wait(millis(1));
    } catch (RuntimeException expected) {
      // The timeout, or the connections were closed already: both are what abort is to bring about.
    }
  }

  @Override
  public void close() {
    super.close();
    synchronized (this) {
      if (connection != null && open) {
        open = false;
        connection.close();
      }
    }
  }

  /** An abort on any thread closes the connections, which ends this wait: no need to poll. */
  private static void await(Operation operation, Work work) {
    try {
      work._wait(millis(Math.max(1, operation.remainingNanos() / 1_000_000)));
    } catch (RuntimeException e) {
      String reason = NativeMessages.firstLine(e);
      throw operation.remainingNanos() <= 0
          ? operation.timedOut(": " + reason)
          : operation.failed(reason);
    }
  }

  private ProcessGroupGloo group() {
    if (connection == null) {
      throw new IllegalStateException("a group of one rank sends nothing");
    }
    return connection.group();
  }

  private List<Tensor> parts(Tensor all, long length) {
    Tensor flat = all.view(-1);
    return IntStream.range(0, size())
        .mapToObj(peer -> flat.narrow(0, peer * length, length))
        .toList();
  }

  private static Tensor empty(Tensor like, long length) {
    return torch.empty(new long[] {length}, like.options(), new MemoryFormatOptional());
  }

  private static Tensor bytes(Tensor tensor) {
    return tensor.view(-1).view(ScalarType.Byte);
  }

  private static long rowBytes(Tensor tensor) {
    long[] shape = TensorCheck.shapeOf(tensor);
    return LongStream.of(shape).skip(1).reduce(tensor.element_size(), (a, b) -> a * b);
  }

  private static Milliseconds millis(long count) {
    return new Milliseconds(count);
  }
}
