package org.sparkmoe.train;

import java.io.IOException;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.apache.hadoop.fs.Path;
import org.bytedeco.pytorch.Device;
import org.bytedeco.pytorch.Tensor;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.sparkmoe.lane.CudaGpu;
import org.sparkmoe.lane.Gpu;
import org.sparkmoe.lane.Lanes;
import org.sparkmoe.model.LanguageModel;
import org.sparkmoe.topology.RankGroups;

/**
 * Trains one rank's part of a model. All ranks make one with the same setup and call {@link #train}
 * together.
 *
 * <p>The model's parameters live in the trainer's flat tensors from here on; after {@link #close}
 * they keep their values, but have no gradients.
 */
public final class Trainer implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(Trainer.class);

  private final TrainConfig config;
  private final CheckpointConfig checkpoints;
  private final TrainingData data;
  private final TrainingListener listener;
  private final List<ParameterGroup> parameters;
  private final RankGroups groups;
  private final RankReports ranks;
  private final @Nullable StepSchedule schedule;
  private final TrainingStep trainingStep;
  private final Evaluator evaluator;
  private final TargetCounts targets;
  private final CheckpointDirectory directory;
  private final CheckpointWriter writer;
  private final InitialModel initialModel;
  private final TrainingLog log = new TrainingLog();
  private final HealthConfig health;
  private final RouterWatch routers;

  /**
   * @param setup whose checkpoint directory is filled in
   * @param model this rank's part, with its first weights
   * @param listener told on rank 0 only
   * @throws IllegalArgumentException if the global batch cannot be shared out
   * @throws CheckpointException if the checkpoint directory cannot be reached
   */
  public Trainer(
      TrainSetup setup,
      LanguageModel model,
      RankGroups groups,
      TrainingData data,
      TrainingListener listener) {
    this(setup, model, groups, data, listener, gpuOf(model));
  }

  private static @Nullable Gpu gpuOf(LanguageModel model) {
    Tensor weight = model.parameters().get(0).value();
    return weight.is_cuda() ? CudaGpu.of(weight.device().index()) : null;
  }

  /**
   * @param gpu whose streams run the parts of a step side by side; null if threads do
   */
  Trainer(
      TrainSetup setup,
      LanguageModel model,
      RankGroups groups,
      TrainingData data,
      TrainingListener listener,
      @Nullable Gpu gpu) {
    this.config = setup.train();
    this.checkpoints = setup.checkpoint();
    this.groups = groups;
    this.data = data;
    this.listener = groups.rank() == 0 ? listener : TrainingListener.silent();
    this.directory = directory(setup);
    this.initialModel = new InitialModel(config.initialModel(), setup.hadoop(), model);
    model.recompute(config.recompute());
    this.parameters = ParameterGroup.of(model.parameters());
    Device device = parameters.get(0).values().device();
    this.ranks = new RankReports(groups.world(), device);
    this.writer =
        new CheckpointWriter(
            directory, ranks, new CheckpointShard(parameters, groups), checkpoints, this.listener);
    this.evaluator = new Evaluator(model, groups, data, config.microBatch());
    this.health = setup.health();
    MicroBatches batches = new MicroBatches(groups, data.sequenceLength(), device);
    this.routers = new RouterWatch(health, batches.microStepTokens(config.microBatch()));
    this.targets = TargetCounts.of(data.train(), groups, device);
    this.schedule = schedule(setup, model, gpu);
    PeakRate peak = new PeakRate(setup, model.size());
    this.trainingStep =
        new TrainingStep(config, model, groups, batches, parameters, schedule, peak);
  }

  /** Null where there is nothing to overlap, because all experts are on this rank. */
  private @Nullable StepSchedule schedule(
      TrainSetup setup, LanguageModel model, @Nullable Gpu gpu) {
    boolean local = groups.ep().size() * groups.esp().size() == 1;
    if (setup.schedule() == null || local || model.moeLayers().isEmpty()) {
      if (setup.schedule() != null && groups.rank() == 0) {
        LOG.info(
            "schedule.policy has nothing to plan: {}",
            local ? "each rank has all experts (cluster.ep × cluster.esp is 1)" : "no MoE layers");
      }
      return null;
    }
    Lanes lanes = gpu == null ? Lanes.threads() : Lanes.streams(gpu);
    GradientSlices slices = new GradientSlices(parameters, groups, lanes);
    return new StepSchedule(setup.schedule(), groups, model, slices, setup.hadoop(), gpu);
  }

  private static CheckpointDirectory directory(TrainSetup setup) {
    String name = setup.checkpoint().directory();
    try {
      return new CheckpointDirectory(new Path(name), setup.hadoop());
    } catch (IOException | IllegalArgumentException e) {
      throw new CheckpointException(
          "checkpoint.directory is \"%s\", must be on a file system that can be reached: %s"
              .formatted(name, e.getMessage()),
          e);
    }
  }

  /**
   * Trains to the last step, from the newest checkpoint if {@code checkpoint.resume} is set.
   *
   * @return the same on every rank
   * @throws CheckpointException if a checkpoint cannot be written, or none of those there be used
   * @throws TrainingException if {@code train.initial-model} is not a model of the same tensors
   * @throws TrainingException if too many steps in a row had a gradient that is not finite
   * @throws TrainingStoppedException if rank 0's listener asked for that; on every rank, after a
   *     checkpoint
   */
  public TrainingSummary train() {
    Progress progress = start();
    SpikeResponse spikes = new SpikeResponse(health, log);
    while (progress.cursor.step() < config.steps()) {
      StepMetrics metrics = step(progress);
      if (trainingStep.stopAgreed()) {
        throw stopped(progress);
      }
      writer.advance();
      routers.add(metrics.routing()).forEach(warning -> warn(metrics.step(), warning));
      spikes
          .after(metrics, progress.cursor.rewinds(), spike -> rewind(progress, spike))
          .ifPresent(warning -> warn(metrics.step(), warning));
      long done = progress.cursor.step();
      boolean last = done == config.steps();
      if (!last && isDue(done, config.evaluateEvery())) {
        evaluate(done, config.evaluateBatches());
      }
      if (!last && isDue(done, checkpoints.every())) {
        writer.begin(state(progress.cursor));
        progress.unsaved = false;
      }
    }
    EvaluationMetrics validation = evaluate(progress.cursor.step(), config.finalEvaluateBatches());
    save(progress);
    return summary(progress, validation);
  }

  private TrainingSummary summary(Progress progress, EvaluationMetrics validation) {
    double teraflops = trainingStep.teraflops(progress.tokensPerSecond());
    return new TrainingSummary(
        progress.cursor.step(),
        progress.loss,
        validation,
        progress.skipped,
        progress.tokensPerSecond(),
        teraflops,
        trainingStep.mfu(teraflops),
        progress.seconds(),
        directory.published(progress.cursor.step()).toString());
  }

  private void save(Progress progress) {
    writer.finish();
    if (progress.unsaved) {
      writer.write(state(progress.cursor));
    }
  }

  private TrainingState state(TrainingCursor cursor) {
    return new TrainingState(cursor, log.lines(), schedule == null ? null : schedule.inputs());
  }

  private TrainingStoppedException stopped(Progress progress) {
    save(progress);
    long step = progress.cursor.step();
    return new TrainingStoppedException(step, directory.published(step).toString());
  }

  private static boolean isDue(long step, long every) {
    return every > 0 && step % every == 0;
  }

  private Progress start() {
    long owned = ownedElements();
    long elements = Arrays.stream(ranks.gather(owned)).mapToLong(report -> report[0]).sum();
    TrainingCursor first =
        TrainingCursor.first(config.seed(), config.globalBatch(), data.sequenceLength());
    Resumption resumption = new Resumption(directory, ranks);
    Progress progress = new Progress(first, elements);
    @Nullable TrainingState written = null;
    if (checkpoints.resume()) {
      Optional<Resumption.Found> found = resumption.resume(parameters, first, elements);
      if (found.isPresent()) {
        LOG.info("going on from {}", found.get().directory());
        written = found.get().state();
        log.restore(written.log());
        progress = new Progress(written.cursor(), elements);
        progress.unsaved = false;
      }
    } else {
      resumption.refuseIfAny();
    }
    if (progress.cursor.step() == 0) {
      initialModel.load();
    }
    if (schedule != null) {
      schedule.begin(written, listener);
    }
    ranks.first("clear " + directory.root(), directory::removeAsides);
    listener.started(
        new TrainingStart(
            progress.cursor.step(), config.steps(), elements, trainingStep.tokensPerStep()));
    return progress;
  }

  private long ownedElements() {
    return parameters.stream()
        .filter(group -> group.isOwner(groups))
        .flatMap(group -> group.slots().stream())
        .mapToLong(ParameterGroup.Slot::count)
        .sum();
  }

  private StepMetrics step(Progress progress) {
    long batch = data.train().batchOfStep(progress.cursor.batch());
    StepMetrics metrics =
        trainingStep.run(
            progress.cursor, data.train(), targets.ofBatch(batch), listener.stopRequested());
    progress.add(metrics);
    if (isDue(metrics.step(), config.logEvery()) || metrics.step() == config.steps()) {
      log.add(metrics);
    }
    listener.step(metrics);
    if (schedule != null) {
      schedule.newTrace(metrics.step() == config.steps()).ifPresent(this::tell);
    }
    if (progress.skippedInARow > config.maxSkippedSteps()) {
      throw new TrainingException(
          ("step %d is number %d in a row with a gradient that is not finite (loss %s, norm %s):"
                  + " lower train.learning-rate, lengthen train.warmup-steps or set train.precision"
                  + " = f32")
              .formatted(
                  metrics.step(), progress.skippedInARow, metrics.loss(), metrics.gradientNorm()));
    }
    return metrics;
  }

  private void warn(long step, String warning) {
    if (groups.rank() == 0) {
      LOG.warn("step {}: {}", step, warning);
    }
    listener.warned(step, warning);
  }

  /** Back to the last checkpoint before {@code spike}, on with the data after it. */
  private @Nullable Long rewind(Progress progress, LossSpikes.Spike spike) {
    writer.finish();
    TrainingCursor now = progress.cursor;
    Optional<Resumption.Found> found =
        new Resumption(directory, ranks)
            .resume(parameters, now, progress.elements, spike.firstStep() - 1);
    if (found.isEmpty()) {
      return null;
    }
    TrainingCursor back = found.get().state().cursor().rewoundFrom(now);
    log.restore(found.get().state().log());
    log.addRewind(back.step(), spike);
    progress.goBack(back);
    ranks.first(
        "remove the checkpoints after step " + back.step(),
        () -> directory.removeAfter(back.step()));
    // The one gone back to is written again, so that a restart leaves the same data out.
    writer.write(state(back));
    return back.step();
  }

  private void tell(ScheduleTrace trace) {
    log.add(trace);
    listener.scheduled(trace);
  }

  private EvaluationMetrics evaluate(long step, long batches) {
    EvaluationMetrics metrics = evaluator.evaluate(step, batches);
    log.add(metrics);
    listener.evaluated(metrics);
    return metrics;
  }

  /** Frees gradients and moments. */
  @Override
  public void close() {
    writer.close();
    if (schedule != null) {
      schedule.close();
    }
    parameters.forEach(ParameterGroup::close);
  }

  /** What changes while training runs. */
  private static final class Progress {
    private final long startNanos = System.nanoTime();
    private TrainingCursor cursor;
    private boolean unsaved = true;
    private long tokens;
    private double milliseconds;
    private double loss = Double.NaN;
    private long skipped;
    private int skippedInARow;

    private final long elements;

    Progress(TrainingCursor cursor, long elements) {
      this.cursor = cursor;
      this.elements = elements;
    }

    void goBack(TrainingCursor back) {
      cursor = back;
      unsaved = false;
      skippedInARow = 0;
    }

    void add(StepMetrics metrics) {
      skipped += metrics.skipped() ? 1 : 0;
      skippedInARow = metrics.skipped() ? skippedInARow + 1 : 0;
      cursor = cursor.next(!metrics.skipped());
      unsaved = true;
      tokens += (long) cursor.globalBatch() * cursor.sequenceLength();
      milliseconds += metrics.milliseconds();
      loss = metrics.loss();
    }

    double tokensPerSecond() {
      return milliseconds > 0 ? tokens / milliseconds * TimeUnit.SECONDS.toMillis(1) : 0;
    }

    double seconds() {
      return (System.nanoTime() - startNanos) / (double) TimeUnit.SECONDS.toNanos(1);
    }
  }
}
