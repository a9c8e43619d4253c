package org.sparkmoe.train;

import java.util.List;
import java.util.concurrent.TimeUnit;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.jspecify.annotations.Nullable;
import org.sparkmoe.collective.Communicator;
import org.sparkmoe.data.SequenceSpool;
import org.sparkmoe.model.Forward;
import org.sparkmoe.model.LanguageModel;
import org.sparkmoe.moe.RoutingStats;
import org.sparkmoe.tensor.NativeMemory;
import org.sparkmoe.tensor.SegmentTape;
import org.sparkmoe.tensor.TensorScope;
import org.sparkmoe.topology.RankGroups;

/**
 * One optimiser step of one rank.
 *
 * <p>The loss is {@code Σ NLL / (GB·L) + Σ aux / micro-batches}, a sum over tokens and ranks over
 * global counts. So gradients are only ever summed: over micro-batches in place, and over the ranks
 * that hold a copy.
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

  TrainingStep(
      TrainConfig config,
      LanguageModel model,
      RankGroups groups,
      MicroBatches batches,
      List<ParameterGroup> parameters,
      @Nullable StepSchedule schedule) {
    this.schedule = schedule;
    this.config = config;
    this.model = model;
    this.groups = groups;
    this.batches = batches;
    this.parameters = parameters;
    gradients = new Gradients(parameters, groups, schedule == null ? null : schedule.slices());
    optimizer = new AdamW(config);
    learningRate = new LearningRate(config);
    microBatches = config.microBatches(groups.dp().size());
  }

  /** Sums over the world, and the routing of this rank's last micro-batch. */
  private record Outcome(double loss, double auxLoss, double norm, List<RoutingStats> routing) {
    boolean isFinite() {
      return Double.isFinite(loss) && Double.isFinite(norm);
    }
  }

  /**
   * Trains on the batch that follows {@code cursor}. A gradient that is not finite leaves weights
   * and moments as they are.
   */
  StepMetrics run(TrainingCursor cursor, SequenceSpool spool) {
    long start = System.nanoTime();
    double rate = learningRate.at(cursor.step());
    Outcome outcome;
    if (schedule != null) {
      schedule.began();
    }
    try (TensorScope scope = TensorScope.open()) {
      gradients.clear();
      outcome = gradientsOf(cursor, spool);
      if (outcome.isFinite()) {
        optimizer.update(parameters, cursor.updates() + 1, rate, clip(outcome.norm()));
      }
    }
    if (schedule != null) {
      schedule.ended(microBatches, (cursor.step() + 1) % config.logEvery() == 0);
    }
    double milliseconds = (System.nanoTime() - start) / (double) TimeUnit.MILLISECONDS.toNanos(1);
    NativeMemory memory = NativeMemory.now();
    return new StepMetrics(
        cursor.step() + 1,
        outcome.loss(),
        outcome.auxLoss(),
        rate,
        outcome.norm(),
        !outcome.isFinite(),
        tokensPerStep() * TimeUnit.SECONDS.toMillis(1) / milliseconds,
        milliseconds,
        memory.bytes(),
        memory.handles(),
        outcome.routing());
  }

  long tokensPerStep() {
    return (long) config.globalBatch() * batches.sequenceLength();
  }

  private double clip(double norm) {
    return config.clipNorm() > 0 && norm > config.clipNorm() ? config.clipNorm() / norm : 1;
  }

  private Outcome gradientsOf(TrainingCursor cursor, SequenceSpool spool) {
    Tensor losses = torch.zeros(2).to(batches.device(), ScalarType.Double);
    List<RoutingStats> routing = List.of();
    for (int microBatch = 0; microBatch < microBatches; microBatch++) {
      routing = forwardAndBackward(cursor, spool, microBatch, losses);
    }
    gradients.sumOverReplicas();
    Tensor norm = Tensor.create(gradients.ownedSquaredNorm());
    Tensor sums = torch.cat(tensors(losses, norm.to(batches.device(), ScalarType.Double)));
    groups.world().allReduce(sums, Communicator.Reduction.SUM).await();
    double[] world = new double[3];
    sums.cpu().<java.nio.DoubleBuffer>createBuffer().get(world);
    return new Outcome(
        world[0] / tokensPerStep(), world[1] / microBatches, Math.sqrt(world[2]), routing);
  }

  private List<RoutingStats> forwardAndBackward(
      TrainingCursor cursor, SequenceSpool spool, int microBatch, Tensor losses) {
    try (TensorScope scope = TensorScope.open()) {
      int rows = config.microBatch();
      Tensor tokens = batches.tokens(spool.sequences(cursor.step(), microBatch * rows, rows));
      SegmentTape tape = new SegmentTape();
      Forward forward =
          model.forward(tape, tokens, batches.training(cursor, microBatch, microBatches, rows));
      Tensor loss = forward.lossSum();
      Tensor aux = forward.auxLoss();
      if (schedule != null && microBatch == microBatches - 1) {
        schedule.lastBackward();
      }
      tape.backward(
          new Tensor[] {loss, aux},
          new Tensor[] {
            torch.full_like(loss, new Scalar(1.0 / tokensPerStep())),
            torch.full_like(aux, new Scalar(1.0 / microBatches))
          });
      losses.add_(torch.stack(tensors(loss, aux)));
      return forward.routing();
    }
  }

  private static TensorVector tensors(Tensor first, Tensor second) {
    return new TensorVector(first, second);
  }
}
