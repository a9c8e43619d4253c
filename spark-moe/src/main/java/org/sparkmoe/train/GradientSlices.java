package org.sparkmoe.train;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.bytedeco.pytorch.Tensor;
import org.sparkmoe.collective.Communicator;
import org.sparkmoe.lane.Event;
import org.sparkmoe.lane.Gpu;
import org.sparkmoe.lane.Lane;
import org.sparkmoe.lane.Lanes;
import org.sparkmoe.tensor.Parameter;
import org.sparkmoe.tensor.TensorScope;
import org.sparkmoe.topology.RankGroups;

/**
 * Sums the dense gradients of the data-parallel group in slices while backward is still going on
 * (paper §5).
 *
 * <p>Parameters lie in the order of forward, so what backward has finished is the end of each flat
 * gradient, and a mark moves from there to the front. A slice takes what its plan says, but never
 * more than exists; what no slice took is summed when backward has ended. All sums go through one
 * lane, in the order in which they were asked for, which is the same on every rank.
 *
 * <p>On a GPU the lane is a stream. A slice comes after what the caller's stream holds when it is
 * begun: gradients are begun by whoever wrote them, or by a task that waits for those who did, and
 * autograd lets the stream that called it wait for the streams on which it added to gradients.
 */
final class GradientSlices implements AutoCloseable {
  private static final Pattern LAYER = Pattern.compile("layers\\.(\\d+)\\..*");

  private final Communicator group;
  private final List<Flat> flats;
  private final Lanes lanes;
  private final Lane lane;
  private final List<Event> underWay = new ArrayList<>();
  private boolean open;

  /**
   * @param lanes are threads, or streams of the GPU on which gradients are
   */
  GradientSlices(List<ParameterGroup> parameters, RankGroups groups, Lanes lanes) {
    this.group = groups.dp();
    this.lanes = lanes;
    this.lane = lanes.lane("gradient-sums", Gpu.Priority.HIGH);
    this.flats =
        parameters.stream()
            .filter(flat -> flat.replication() == Parameter.Replication.DATA)
            .map(Flat::new)
            .toList();
  }

  /** A flat gradient and how much of its end is summed or on its way. */
  private static final class Flat {
    private final ParameterGroup parameters;
    private long mark;

    Flat(ParameterGroup parameters) {
      this.parameters = parameters;
      this.mark = parameters.gradients().numel();
    }

    /** Where the gradients of blocks above {@code block} begin. */
    long above(int block) {
      return parameters.slots().stream()
          .filter(slot -> block(slot.parameter()) > block)
          .mapToLong(ParameterGroup.Slot::start)
          .min()
          .orElse(parameters.gradients().numel());
    }

    /** Takes up to {@code most} elements from the mark down to {@code from}. */
    Tensor take(long from, long most) {
      long start = Math.max(from, mark - most);
      Tensor slice = parameters.gradients().narrow(0, start, mark - start);
      mark = start;
      return slice;
    }
  }

  /** Blocks count from 0; what comes before the first one is −1, and never finished early. */
  private static int block(Parameter parameter) {
    Matcher matcher = LAYER.matcher(parameter.name());
    return matcher.matches() ? Integer.parseInt(matcher.group(1)) : -1;
  }

  /** Elements of the gradient that slices can take, over all blocks. */
  long elements() {
    return flats.stream().mapToLong(flat -> flat.mark - flat.above(-1)).sum();
  }

  /** Opens the gradients for slices: the backward that begins is the step's last. */
  void open() {
    flats.forEach(flat -> flat.mark = flat.parameters.gradients().numel());
    open = group.size() > 1;
  }

  /** Begins to sum up to {@code elements} of the blocks above {@code block}; returns at once. */
  void begin(int block, double elements) {
    if (!open) {
      return;
    }
    long rest = Math.round(elements);
    for (Flat flat : flats) {
      long from = flat.above(block);
      if (rest > 0 && flat.mark > from) {
        long before = flat.mark;
        sum(flat, from, rest);
        rest -= before - flat.mark;
      }
    }
  }

  private void sum(Flat flat, long from, long most) {
    try (TensorScope scope = TensorScope.open()) {
      Tensor slice = TensorScope.keep(flat.take(from, most));
      underWay.add(
          lane.submit(
              () -> {
                try {
                  group.allReduce(slice, Communicator.Reduction.SUM).await();
                } finally {
                  TensorScope.release(slice);
                }
              },
              lanes.soFar()));
    }
  }

  /** What the caller does or queues from now on comes after every slice that was begun. */
  void await() {
    underWay.forEach(lanes::join);
    underWay.clear();
  }

  /** Sums what is left and {@linkplain #await awaits} it: every gradient of the group is summed. */
  void finish() {
    if (!open) {
      return;
    }
    open = false;
    for (Flat flat : flats) {
      if (flat.mark > 0) {
        sum(flat, 0, flat.mark);
      }
    }
    await();
  }

  /** Whether {@link #finish} sums {@code parameters}. */
  boolean covers(ParameterGroup parameters) {
    return group.size() > 1 && flats.stream().anyMatch(flat -> flat.parameters == parameters);
  }

  @Override
  public void close() {
    lane.close();
    try {
      await();
    } catch (CancellationException e) {
      underWay.clear();
    }
  }
}
