package org.sparkmoe.train;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.jspecify.annotations.Nullable;
import org.sparkmoe.collective.Communicator;
import org.sparkmoe.data.SequenceSpool;
import org.sparkmoe.model.Forward;
import org.sparkmoe.model.LanguageModel;
import org.sparkmoe.moe.RoutingCounts;
import org.sparkmoe.moe.RoutingStats;
import org.sparkmoe.tensor.DeviceMemory;
import org.sparkmoe.tensor.HostReads;
import org.sparkmoe.tensor.NativeMemory;
import org.sparkmoe.tensor.SegmentTape;
import org.sparkmoe.tensor.TensorScope;
import org.sparkmoe.topology.PipelineGroups;
import org.sparkmoe.topology.RankGroups;

/**
 * One optimiser step of one rank.
 *
 * <p>The loss is {@code Σ NLL / targets + Σ aux / micro-batches}, a sum over tokens and ranks over
 * global counts; the targets are the predicted tokens of the global batch, less those that are
 * context only. So gradients are only ever summed: over micro-batches in place, and over the ranks
 * that hold a copy. A pipeline stage passes the step's micro-batches in the order of its {@link
 * PipelineSchedule}.
 */
final class TrainingStep {
  private final TrainConfig config;
  private final LanguageModel model;
  private final RankGroups groups;
  private final MicroBatches batches;
  private final List<ParameterGroup> parameters;
  private final Gradients gradients;
  private final AdamW optimizer;
  private final LearningRate learningRate;
  private final int microBatches;
  private final @Nullable StepSchedule schedule;
  private final PeakRate peak;
  private final List<MicroBatchAction> actions;
  private boolean stopAgreed;

  TrainingStep(
      TrainConfig config,
      LanguageModel model,
      RankGroups groups,
      MicroBatches batches,
      List<ParameterGroup> parameters,
      @Nullable StepSchedule schedule,
      PeakRate peak) {
    this.schedule = schedule;
    this.peak = peak;
    this.config = config;
    this.model = model;
    this.groups = groups;
    this.batches = batches;
    this.parameters = parameters;
    gradients = new Gradients(parameters, groups, schedule == null ? null : schedule.slices());
    optimizer = new AdamW(config);
    learningRate = new LearningRate(config);
    microBatches = config.microBatches(groups.dp().size());
    PipelineGroups pipeline = groups.pipeline();
    actions = config.pipelineSchedule().actions(pipeline.index(), pipeline.stages(), microBatches);
  }

  /** Sums over the world, and the routing of the last micro-batch. */
  private record Outcome(double loss, double auxLoss, double norm, List<RoutingStats> routing) {
    boolean isFinite() {
      return Double.isFinite(loss) && Double.isFinite(norm);
    }
  }

  /**
   * Trains on the batch that follows {@code cursor}. A gradient that is not finite leaves weights
   * and moments as they are.
   *
   * @param targets predicted tokens of the global batch that carry a loss
   * @param stop whether this rank wants the step to be the last; see {@link #stopAgreed}
   */
  StepMetrics run(TrainingCursor cursor, SequenceSpool spool, long targets, boolean stop) {
    long start = System.nanoTime();
    long readsBefore = HostReads.count();
    double rate = learningRate.at(cursor.step());
    Outcome outcome;
    if (schedule != null) {
      schedule.began();
    }
    try (TensorScope scope = TensorScope.open()) {
      gradients.clear();
      outcome = gradientsOf(cursor, spool, targets, stop);
      if (outcome.isFinite()) {
        optimizer.update(parameters, cursor.updates() + 1, rate, clip(outcome.norm()));
      }
    }
    long reads = HostReads.count() - readsBefore;
    ScheduleMetrics scheduled =
        schedule == null
            ? null
            : schedule.ended(
                cursor.step() + 1, microBatches, (cursor.step() + 1) % config.logEvery() == 0);
    double milliseconds = (System.nanoTime() - start) / (double) TimeUnit.MILLISECONDS.toNanos(1);
    double tokensPerSecond = tokensPerStep() * TimeUnit.SECONDS.toMillis(1) / milliseconds;
    double teraflops = teraflops(tokensPerSecond);
    NativeMemory memory = NativeMemory.now();
    return new StepMetrics(
        cursor.step() + 1,
        outcome.loss(),
        outcome.auxLoss(),
        rate,
        outcome.norm(),
        !outcome.isFinite(),
        tokensPerSecond,
        teraflops,
        mfu(teraflops),
        milliseconds,
        memory.bytes(),
        memory.handles(),
        reads,
        outcome.routing(),
        scheduled);
  }

  /** Whether some rank wanted the last step to be the last; the same on every rank. */
  boolean stopAgreed() {
    return stopAgreed;
  }

  /** Model FLOPs of a rank, 10¹² a second, at so many tokens a second over all ranks. */
  double teraflops(double tokensPerSecond) {
    double perToken = model.size().trainingFlopsPerToken(batches.sequenceLength());
    return perToken * tokensPerSecond / groups.world().size() / 1e12;
  }

  /** Their share of what the device does at best; null where that is not known. */
  @Nullable Double mfu(double teraflops) {
    @Nullable Double best = peak.teraflops(schedule == null ? null : schedule.inputs().profile());
    return best == null ? null : teraflops / best;
  }

  long tokensPerStep() {
    return (long) config.globalBatch() * batches.sequenceLength();
  }

  private double clip(double norm) {
    return config.clipNorm() > 0 && norm > config.clipNorm() ? config.clipNorm() / norm : 1;
  }

  private Outcome gradientsOf(
      TrainingCursor cursor, SequenceSpool spool, long targets, boolean stop) {
    Tensor losses = DeviceMemory.zeros(batches.device(), ScalarType.Double, 2);
    List<RoutingStats> routing =
        model.routingOfAllStages(passes(cursor, spool, 1.0 / targets, losses));
    gradients.sumOverReplicas();
    Tensor wish = DeviceMemory.filled(stop ? 1.0 : 0.0, batches.device(), ScalarType.Double, 1);
    Tensor sums = torch.cat(new TensorVector(losses, gradients.ownedSquaredNorm(), wish));
    groups.world().allReduce(sums, Communicator.Reduction.SUM).await();
    double[] world = HostReads.doubles(sums);
    stopAgreed = world[3] > 0;
    return new Outcome(world[0] / targets, world[1] / microBatches, Math.sqrt(world[2]), routing);
  }

  /** Runs this stage's passes in the order of the schedule; the last one's routing. */
  private List<RoutingStats> passes(
      TrainingCursor cursor, SequenceSpool spool, double lossSeed, Tensor losses) {
    Map<Integer, MicroBatchPass> underWay = new HashMap<>();
    List<RoutingStats> routing = List.of();
    try {
      for (MicroBatchAction action : actions) {
        int microBatch = action.microBatch();
        switch (action.direction()) {
          case FORWARD -> {
            MicroBatchPass pass =
                MicroBatchPass.forward(tape -> forward(tape, cursor, spool, microBatch));
            underWay.put(microBatch, pass);
          }
          case BACKWARD -> {
            if (schedule != null && microBatch == microBatches - 1) {
              schedule.lastBackward();
            }
            try (MicroBatchPass pass = underWay.remove(microBatch)) {
              pass.backward(lossSeed, 1.0 / microBatches, losses);
              if (microBatch == microBatches - 1) {
                // Not before: reading waits for a GPU.
                routing = RoutingCounts.read(pass.result().routing());
              }
            }
          }
        }
      }
      return routing;
    } finally {
      underWay.values().forEach(MicroBatchPass::close);
    }
  }

  private Forward forward(
      SegmentTape tape, TrainingCursor cursor, SequenceSpool spool, int microBatch) {
    int rows = config.microBatch();
    int[][] sequences = spool.sequences(cursor.batch(), microBatch * rows, rows);
    return model.forward(
        tape,
        batches.inputs(sequences),
        batches.targets(sequences),
        batches.training(cursor, microBatch, microBatches, rows));
  }
}
