package org.sparkmoe.profile;

import java.util.List;
import java.util.stream.LongStream;
import org.bytedeco.pytorch.AutoGradMode;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.sparkmoe.collective.Communicator;
import org.sparkmoe.schedule.cost.CostFit;
import org.sparkmoe.schedule.cost.LayerWorkload;
import org.sparkmoe.topology.RankGroups;

/**
 * Measures a job. Sizes go from an eighth of a layer's workload to the whole, so that chunks of
 * every sensible degree are inside; 8 sizes and 5 repeats instead of the paper's 24 and 5 keep it
 * to seconds.
 *
 * <p>Communication runs on the very communicators of the job. Experts and attention are measured by
 * the matrix products that they consist of, in their shapes, on this rank's CPU threads.
 */
public final class Profiler {
  private static final int SIZES = 8;

  private final JobShape job;
  private final RankGroups groups;
  private final Stopwatch stopwatch;

  private Profiler(JobShape job, RankGroups groups) {
    this.job = job;
    this.groups = groups;
    this.stopwatch = new Stopwatch(groups.stage());
  }

  /** Collective over the pipeline stage; returns the same on each of its ranks. */
  public static Profile measure(JobShape job, RankGroups groups) {
    try (AutoGradMode off = new AutoGradMode(false)) {
      return new Profiler(job, groups).measure();
    }
  }

  private Profile measure() {
    LayerWorkload work = job.workload();
    double mpOrEsp = Math.max(work.intraNode(), work.modelParallel());
    Communicator intra = groups.esp().size() >= groups.mp().size() ? groups.esp() : groups.mp();
    return new Profile(
        List.of(
            stopwatch.fit(sizes(work.allToAll(), groups.ep().size()), this::allToAll),
            stopwatch.fit(sizes(mpOrEsp, intra.size()), n -> allGather(intra, n)),
            stopwatch.fit(sizes(mpOrEsp, intra.size()), n -> reduceScatter(intra, n)),
            stopwatch.fit(sizes(Math.max(work.gradient(), SIZES), 1), this::allReduce),
            experts(),
            attention()));
  }

  /** An eighth to the whole of {@code most}, each a multiple of {@code multiple}. */
  private static long[] sizes(double most, int multiple) {
    long step = Math.max(1, Math.round(most / SIZES / multiple));
    return LongStream.rangeClosed(1, SIZES).map(i -> i * step * multiple).toArray();
  }

  private Runnable allToAll(long elements) {
    Tensor input = Stopwatch.zeros(elements);
    Tensor output = Stopwatch.zeros(elements);
    return () -> groups.ep().allToAll(output, input).await();
  }

  private static Runnable allGather(Communicator group, long elements) {
    Tensor output = Stopwatch.zeros(elements);
    Tensor input = Stopwatch.zeros(elements / group.size());
    return () -> group.allGather(output, input).await();
  }

  private static Runnable reduceScatter(Communicator group, long elements) {
    Tensor input = Stopwatch.zeros(elements);
    Tensor output = Stopwatch.zeros(elements / group.size());
    return () -> group.reduceScatter(output, input).await();
  }

  private Runnable allReduce(long elements) {
    Tensor tensor = Stopwatch.zeros(elements);
    return () -> groups.dp().allReduce(tensor, Communicator.Reduction.SUM).await();
  }

  private CostFit experts() {
    long width = job.layer().modelWidth();
    long hidden = job.layer().hiddenWidth() / job.topology().nEsp();
    long perRow = 2 * width * hidden;
    long rows = Math.max(SIZES, Math.round(job.workload().expert() / perRow));
    return stopwatch.fit(
        LongStream.of(sizes(rows, 1)).map(n -> n * perRow).toArray(),
        n -> expert(n / perRow, width, hidden));
  }

  private Runnable expert(long rows, long width, long hidden) {
    Tensor inputRM = Stopwatch.zeros(rows, width);
    Tensor up = Stopwatch.zeros(width, hidden);
    Tensor down = Stopwatch.zeros(hidden, width);
    return () -> {
      try (Tensor hiddenRH = torch.matmul(inputRM, up);
          Tensor gateRH = job.expertProducts() == 3 ? torch.matmul(inputRM, up) : hiddenRH.clone();
          Tensor activeRH = torch.gelu(gateRH);
          Tensor output = torch.matmul(activeRH, down)) {
        output.numel();
      }
    };
  }

  /** Whole sequences of growing length, up to the job's batch of them. */
  private CostFit attention() {
    long length = job.layer().sequence();
    long longest = length * job.layer().batch();
    long[] tokens = sizes(longest, 1);
    long[] work = LongStream.of(tokens).map(t -> attentionWork(t, Math.min(t, length))).toArray();
    return stopwatch.fit(
        work, n -> attention(tokens[LongStream.of(work).boxed().toList().indexOf(n)], length));
  }

  private long attentionWork(long tokens, long length) {
    long width = job.layer().modelWidth();
    return (4 * tokens * width * width + 2 * tokens * length * width) / job.topology().nMp();
  }

  private Runnable attention(long tokens, long length) {
    long width = job.layer().modelWidth();
    long shard = Math.max(1, width / job.topology().nMp());
    long rows = Math.min(tokens, length);
    long sequences = Math.max(1, tokens / rows);
    Tensor inputTM = Stopwatch.zeros(sequences * rows, width);
    Tensor qkv = Stopwatch.zeros(width, 3 * shard);
    Tensor queryBLM = Stopwatch.zeros(sequences, rows, shard);
    Tensor keyBML = Stopwatch.zeros(sequences, shard, rows);
    Tensor output = Stopwatch.zeros(shard, width);
    return () -> {
      try (Tensor projected = torch.matmul(inputTM, qkv);
          Tensor scores = torch.matmul(queryBLM, keyBML);
          Tensor probabilities = torch.softmax(scores, -1);
          Tensor mixed = torch.matmul(probabilities, queryBLM);
          Tensor result = torch.matmul(mixed, output)) {
        result.numel();
      }
    };
  }
}
