package org.sparkmoe.collective;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.stream.IntStream;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.sparkmoe.collective.MeetingPoint.Contribution;

/**
 * Ranks as threads of one process: each rank copies its part straight out of its peers' tensors.
 *
 * <p>An AllReduce is shared out: rank r reduces the r-th part of all tensors and writes it back to
 * all of them.
 */
public final class InProcessCommunicator extends QueuedCommunicator {
  private static final long[] NO_ROWS = {};

  private final MeetingPoint meetingPoint;

  InProcessCommunicator(GroupMember member, MeetingPoint meetingPoint) {
    super(member);
    this.meetingPoint = meetingPoint;
  }

  /**
   * Makes the communicators of one group named {@code world}, in rank order.
   *
   * @param size ranks in the group
   * @param timeout of one operation
   */
  public static List<Communicator> group(int size, Duration timeout) {
    List<Integer> ranks = IntStream.range(0, size).boxed().toList();
    MeetingPoint meetingPoint = new MeetingPoint(size);
    return ranks.stream()
        .<Communicator>map(
            rank ->
                new InProcessCommunicator(
                    GroupMember.of("world", ranks, rank, timeout), meetingPoint))
        .toList();
  }

  @Override
  void runAllToAll(
      Operation operation, Tensor output, Tensor input, long[] outputRows, long[] inputRows) {
    Contribution[] all =
        meetingPoint.meet(
            operation,
            new Contribution("%s %s".formatted(operation.name(), dtype(input)), input, inputRows));
    long to = 0;
    for (int peer = 0; peer < size(); peer++) {
      long rows = all[peer].inputRows()[rank()];
      if (rows != outputRows[peer]) {
        throw operation.failed(
            "%s sends %d rows, but %d are expected from it"
                .formatted(member().name(IntStream.of(peer)), rows, outputRows[peer]));
      }
      long from = Arrays.stream(all[peer].inputRows(), 0, rank()).sum();
      copy(output.narrow(0, to, rows), input(all[peer]).narrow(0, from, rows));
      to += rows;
    }
    finish(operation);
  }

  @Override
  void runAllGather(Operation operation, Tensor output, Tensor input) {
    Contribution[] all = meet(operation, input);
    long rows = input.size(0);
    for (int peer = 0; peer < size(); peer++) {
      copy(output.narrow(0, peer * rows, rows), input(all[peer]));
    }
    finish(operation);
  }

  @Override
  void runReduceScatter(Operation operation, Tensor output, Tensor input) {
    Contribution[] all = meet(operation, input);
    long length = output.numel();
    List<Tensor> parts = new ArrayList<>();
    for (int peer = 0; peer < size(); peer++) {
      parts.add(flat(input(all[peer])).narrow(0, rank() * length, length));
    }
    RankOrderReduction.reduce(List.of(flat(output)), parts, Reduction.SUM);
    finish(operation);
  }

  @Override
  void runAllReduce(Operation operation, Tensor tensor, Reduction reduction) {
    Contribution[] all = meet(operation, tensor);
    long from = tensor.numel() * rank() / size();
    long to = tensor.numel() * (rank() + 1) / size();
    List<Tensor> parts =
        IntStream.range(0, size())
            .mapToObj(peer -> flat(input(all[peer])).narrow(0, from, to - from))
            .toList();
    RankOrderReduction.reduce(parts, parts, reduction);
    finish(operation);
  }

  @Override
  void runBroadcast(Operation operation, Tensor tensor, int root) {
    Contribution[] all = meet(operation, tensor);
    if (root != rank()) {
      copy(tensor, input(all[root]));
    }
    finish(operation);
  }

  @Override
  void runBarrier(Operation operation) {
    finish(operation);
  }

  @Override
  void unblock(String reason) {
    meetingPoint.abort(reason);
  }

  private Contribution[] meet(Operation operation, Tensor input) {
    String signature =
        "%s %s of %d elements".formatted(operation.name(), dtype(input), input.numel());
    return meetingPoint.meet(operation, new Contribution(signature, input, NO_ROWS));
  }

  /** Nobody leaves, and hands his tensors back to his caller, while a peer still works on them. */
  private void finish(Operation operation) {
    meetingPoint.meet(operation, new Contribution(operation.name(), null, NO_ROWS));
  }

  private static Tensor input(Contribution contribution) {
    return Objects.requireNonNull(contribution.input());
  }

  private static ScalarType dtype(Tensor tensor) {
    return tensor.scalar_type().intern();
  }

  private static Tensor flat(Tensor tensor) {
    return tensor.view(-1);
  }

  private static void copy(Tensor destination, Tensor source) {
    if (source.numel() > 0) {
      // Not copy_, which would start a team of OpenMP threads for every lane.
      Pointer.memcpy(destination.data_ptr(), source.data_ptr(), source.nbytes());
    }
  }
}
