package org.sparkmoe.train;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.bytedeco.pytorch.Device;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.jspecify.annotations.Nullable;
import org.sparkmoe.collective.Communicator;
import org.sparkmoe.tensor.DeviceMemory;
import org.sparkmoe.tensor.HostReads;
import org.sparkmoe.tensor.TensorScope;

/**
 * How ranks agree on the outcome of file work that each does alone: nobody goes on where one
 * failed, and nobody waits for a rank that gave up.
 */
final class RankReports {
  /** What a report begins with: how far a rank is with its work. */
  static final long DONE = 0;

  /** The work failed. */
  static final long FAILED = 1;

  /** The work goes on. */
  static final long RUNNING = 2;

  private final Communicator world;
  private final Device device;

  /**
   * @param device where the communicator wants its tensors
   */
  RankReports(Communicator world, Device device) {
    this.world = world;
    this.device = device;
  }

  /** Work on files. */
  @FunctionalInterface
  interface Work {
    void run() throws IOException;
  }

  boolean isFirst() {
    return world.rank() == 0;
  }

  int rank() {
    return world.rank();
  }

  /** Every rank's numbers, in rank order; all give equally many. */
  long[][] gather(long... mine) {
    try (TensorScope scope = TensorScope.open()) {
      Tensor input =
          DeviceMemory.copied(Tensor.create(mine, mine.length), device, torch.ScalarType.Long);
      Tensor output = torch.zeros_like(input.repeat(world.size()));
      world.allGather(output, input).await();
      long[] all = HostReads.longs(output);
      long[][] rows = new long[world.size()][mine.length];
      for (int rank = 0; rank < rows.length; rank++) {
        System.arraycopy(all, rank * mine.length, rows[rank], 0, mine.length);
      }
      return rows;
    }
  }

  /**
   * Does {@code work} and waits for the others.
   *
   * @throws CheckpointException on every rank if it failed on any; the cause is on that rank
   */
  void together(String what, Work work) {
    Exception failure = attempt(work);
    refuseFailed(what, failure, gather(failure == null ? DONE : FAILED));
  }

  /**
   * Ends work that failed somewhere.
   *
   * @param mine what went wrong here, or null
   * @param reports what {@link #gather} gave, each beginning with how far that rank is
   * @throws CheckpointException on every rank if one reports that it failed
   */
  void refuseFailed(String what, @Nullable Throwable mine, long[][] reports) {
    if (mine != null) {
      throw new CheckpointException(
          "rank %d could not %s: %s".formatted(world.rank(), what, mine.getMessage()), mine);
    }
    List<Integer> failed = new ArrayList<>();
    for (int rank = 0; rank < reports.length; rank++) {
      if (reports[rank][0] == FAILED) {
        failed.add(rank);
      }
    }
    if (!failed.isEmpty()) {
      throw new CheckpointException("ranks %s could not %s".formatted(failed, what));
    }
  }

  /** Whether a rank reports that its work goes on. */
  static boolean anyRunning(long[][] reports) {
    return Arrays.stream(reports).anyMatch(report -> report[0] == RUNNING);
  }

  /** As {@link #together}, where only rank 0 has work. */
  void first(String what, Work work) {
    together(what, isFirst() ? work : () -> {});
  }

  /** Does {@code work}; what went wrong with the files, or null. */
  static @Nullable Exception attempt(Work work) {
    try {
      work.run();
      return null;
    } catch (IOException | UncheckedIOException | SecurityException e) {
      return e;
    }
  }
}
