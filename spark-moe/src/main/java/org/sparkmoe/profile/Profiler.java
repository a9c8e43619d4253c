package org.sparkmoe.profile;

import java.util.Arrays;
import java.util.List;
import java.util.function.LongFunction;
import java.util.stream.LongStream;
import org.bytedeco.pytorch.AutoGradMode;
import org.bytedeco.pytorch.Tensor;
import org.sparkmoe.collective.Communicator;
import org.sparkmoe.profile.ComputeTrials.Trial;
import org.sparkmoe.profile.Stopwatch.Directions;
import org.sparkmoe.schedule.cost.LayerWorkload;
import org.sparkmoe.tensor.TensorScope;
import org.sparkmoe.topology.RankGroups;

/**
 * Measures a job. Sizes go from an eighth of a layer's workload to the whole, so that chunks of
 * every sensible degree are inside; 8 sizes and 5 repeats instead of the paper's 24 and 5 keep it
 * to seconds.
 *
 * <p>Communication runs on the very communicators of the job, and all ranks measure at the same
 * time, since they will work at the same time. Experts and attention are the job's own modules,
 * forward and backward, or the matrix products that they consist of where there is no model.
 */
public final class Profiler {
  private static final int SIZES = 8;

  private final JobShape job;
  private final RankGroups groups;
  private final ComputeTrials trials;
  private final Stopwatch stopwatch;

  private Profiler(JobShape job, RankGroups groups, ComputeTrials trials) {
    this.trials = trials;
    this.job = job;
    this.groups = groups;
    this.stopwatch = new Stopwatch(groups.stage(), trials.device());
  }

  /**
   * Measures computation by the matrix products that it consists of. Collective over the pipeline
   * stage; returns the same on each of its ranks.
   */
  public static Profile measure(JobShape job, RankGroups groups) {
    try (TensorScope scope = TensorScope.open()) {
      return measure(job, groups, new MatrixProducts(job));
    }
  }

  /** Measures {@code trials}. Collective over the pipeline stage; the same on each of its ranks. */
  public static Profile measure(JobShape job, RankGroups groups, ComputeTrials trials) {
    try (AutoGradMode off = new AutoGradMode(false)) {
      return new Profiler(job, groups, trials).measure();
    }
  }

  private Profile measure() {
    LayerWorkload work = job.workload();
    double mpOrEsp = Math.max(work.intraNode(), work.modelParallel());
    Communicator intra = groups.esp().size() >= groups.mp().size() ? groups.esp() : groups.mp();
    Directions expert = experts();
    Directions attention = attention();
    Directions gate = byTokens(trials::gate);
    Directions inverseOrder = byTokens(trials::inverseOrder);
    return new Profile(
        List.of(
            stopwatch.fit(sizes(work.allToAll(), groups.ep().size()), this::allToAll),
            stopwatch.fit(sizes(mpOrEsp, intra.size()), n -> allGather(intra, n)),
            stopwatch.fit(sizes(mpOrEsp, intra.size()), n -> reduceScatter(intra, n)),
            stopwatch.fit(sizes(Math.max(work.gradient(), SIZES), 1), this::allReduce),
            expert.forward(),
            attention.forward(),
            expert.backward(),
            attention.backward(),
            gate.forward(),
            gate.backward(),
            inverseOrder.forward(),
            inverseOrder.backward()));
  }

  /** An eighth to the whole of {@code most}, each a multiple of {@code multiple}. */
  private static long[] sizes(double most, int multiple) {
    long step = Math.max(1, Math.round(most / SIZES / multiple));
    return LongStream.rangeClosed(1, SIZES).map(i -> i * step * multiple).toArray();
  }

  private Runnable allToAll(long elements) {
    Tensor input = stopwatch.buffer(elements);
    Tensor output = stopwatch.buffer(elements);
    return () -> groups.ep().allToAll(output, input).await();
  }

  private Runnable allGather(Communicator group, long elements) {
    Tensor output = stopwatch.buffer(elements);
    Tensor input = stopwatch.buffer(elements / group.size());
    return () -> group.allGather(output, input).await();
  }

  private Runnable reduceScatter(Communicator group, long elements) {
    Tensor input = stopwatch.buffer(elements);
    Tensor output = stopwatch.buffer(elements / group.size());
    return () -> group.reduceScatter(output, input).await();
  }

  private Runnable allReduce(long elements) {
    Tensor tensor = stopwatch.buffer(elements);
    return () -> groups.dp().allReduce(tensor, Communicator.Reduction.SUM).await();
  }

  private Directions experts() {
    long perRow = 2L * job.layer().modelWidth() * job.layer().hiddenWidth() / job.topology().nEsp();
    long most = Math.max(SIZES, Math.round(job.workload().expert() / perRow));
    long[] rows = sizes(most, 1);
    double[] work = LongStream.of(rows).mapToDouble(n -> (double) n * perRow).toArray();
    return stopwatch.directions(work, i -> trials.expert(rows[i]));
  }

  private Directions byTokens(LongFunction<Trial> trial) {
    double width = job.layer().modelWidth();
    long[] tokens = sizes(Math.max(SIZES, job.workload().tokens() / width), 1);
    double[] work = LongStream.of(tokens).mapToDouble(n -> n * width).toArray();
    return stopwatch.directions(work, i -> trial.apply(tokens[i]));
  }

  /** Parts of a sequence up to a whole one, then whole sequences up to the job's batch of them. */
  private Directions attention() {
    long length = job.layer().sequence();
    long[] tokens = sizes(length * job.layer().batch(), 1);
    long[] rows = LongStream.of(tokens).map(t -> Math.min(t, length)).toArray();
    double[] work = new double[SIZES];
    Arrays.setAll(work, i -> attentionWork(tokens[i] / rows[i] * rows[i], rows[i]));
    return stopwatch.directions(work, i -> trials.attention(tokens[i] / rows[i], rows[i]));
  }

  private double attentionWork(long tokens, long length) {
    double width = job.layer().modelWidth();
    return (4 * tokens * width * width + 2 * tokens * length * width) / job.topology().nMp();
  }
}
