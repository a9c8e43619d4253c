package org.sparkmoe.runtime;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;
import org.apache.spark.SparkContext;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.util.SerializableConfiguration;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.sparkmoe.data.DataException;
import org.sparkmoe.data.PreparedData;
import org.sparkmoe.data.Sharding;
import org.sparkmoe.data.TokenSequence;
import org.sparkmoe.data.Tokenizer;
import org.sparkmoe.data.TokenizerSpec;
import org.sparkmoe.runtime.report.TensorBoardListener;
import org.sparkmoe.runtime.ui.EventPoster;
import org.sparkmoe.runtime.ui.RoutingAccumulators;
import org.sparkmoe.topology.Topology;
import org.sparkmoe.train.EvaluationMetrics;
import org.sparkmoe.train.HealthConfig;
import org.sparkmoe.train.MemoryPlan;
import org.sparkmoe.train.TrainingListener;
import org.sparkmoe.train.TrainingStoppedException;
import org.sparkmoe.train.TrainingSummary;

/** Trains and evaluates models on a Spark cluster. */
public final class BarrierTraining {
  private static final Logger LOG = LoggerFactory.getLogger(BarrierTraining.class);

  private final SparkContext context;
  private final RunConfig config;
  private final ProgressListener progress;
  private @Nullable BarrierStage running;
  private boolean stopping;

  /** A run of {@code config}, of which {@code progress} hears. */
  public BarrierTraining(SparkSession spark, RunConfig config, ProgressListener progress) {
    this.context = spark.sparkContext();
    this.config = config;
    this.progress = new WatchedProgress(progress, watchers());
  }

  /** What shows trainings beside the user's own listener. */
  private List<TrainingListener> watchers() {
    List<TrainingListener> watchers = new ArrayList<>();
    watchers.add(new EventPoster(context));
    if (config.output().tensorboard()) {
      watchers.add(
          new TensorBoardListener(
              new Path(config.output().directory(), "tensorboard"), context.hadoopConfiguration()));
    }
    return watchers;
  }

  /**
   * Refuses what cannot run; call it before data are prepared, to tell the user early.
   *
   * @throws PreflightException if it cannot; names the settings to change
   */
  public void preflight() {
    new Preflight(context, config.cluster(), config.device(), progress).check(context.getConf());
  }

  /**
   * Refuses to train over checkpoints that are there, unless it is to go on from them.
   *
   * @throws PreflightException if there are some
   * @throws IOException if the file system cannot be reached
   */
  public void checkCheckpoints() throws IOException {
    Path directory =
        new Path(config.checkpoint().inModelDirectory(config.output().directory()).directory());
    FileSystem files = directory.getFileSystem(context.hadoopConfiguration());
    if (!config.checkpoint().resume()
        && files.exists(directory)
        && files.listStatus(directory).length > 0) {
      throw new PreflightException(
          List.of(
              "%s holds checkpoints: go on from them with --resume, or change output.directory"
                  .formatted(directory)));
    }
  }

  /**
   * Refuses to begin with the weights of a model that is another one than that configured.
   *
   * @throws PreflightException with a line for each difference
   */
  public void checkInitialModel() {
    List<String> problems = InitialModelCheck.problems(config, context.hadoopConfiguration());
    if (!problems.isEmpty()) {
      throw new PreflightException(problems);
    }
  }

  /** How much memory each rank will need. */
  public MemoryPlan memoryPlan() {
    return memoryPlan(config);
  }

  private MemoryPlan memoryPlan(RunConfig layout) {
    MemoryPlan plan =
        MemoryPlan.of(
            layout.model(),
            layout.moe(),
            layout.cluster().topology(),
            layout.train(),
            new MemoryPlan.Sizes(vocabSize(), layout.data().sequenceLength()));
    boolean onHost = layout.device().kind() == DeviceConfig.Kind.CPU;
    return onHost && layout.checkpoint().copiesState() ? plan.withSnapshot() : plan;
  }

  /** What a rank may use as far as the driver knows: more is known where the rank runs. */
  private MemoryPlan fitting(RunConfig layout) {
    MemoryPlan plan = memoryPlan(layout);
    try {
      MemoryLimit.of(layout.device(), context.isLocal(), layout.cluster().ranks())
          .ifPresent(limit -> plan.refuseBeyond(limit.bytes(), limit.source()));
    } catch (IllegalArgumentException e) {
      throw new PreflightException(List.of(e.getMessage()));
    }
    return plan;
  }

  /**
   * Trains on all ranks at once, again from the newest checkpoint if a rank fails, up to {@code
   * restart.max} times.
   *
   * @throws PreflightException if a rank would need more memory than {@code device.memory-limit}
   *     or, where Spark is local, the machine has
   * @throws DataException if there is less than a global batch of data
   * @throws TrainingFailedException if a rank fails; names the one that failed first
   * @throws TrainingStoppedException after {@link #stop}, or if Spark's user cancelled the job
   */
  public TrainingSummary train(PreparedData data) {
    return new Restarts(context, progress, this::isStopping)
        .run(config, layout -> train(layout, data));
  }

  private TrainingSummary train(RunConfig layout, PreparedData data) {
    int validationBatch = validationBatch(layout, data);
    TrainingBody body =
        new TrainingBody(
            layout,
            fitting(layout),
            vocabSize(),
            validationBatch,
            data.counts().validation(),
            new SerializableConfiguration(context.hadoopConfiguration()),
            RoutingAccumulators.register(context, layout.model().moeLayerCount()));
    BarrierStage stage = stage(layout);
    running(stage);
    try {
      return stage.run(
          trainingShards(layout, data),
          shard(layout, data.validation(), validationBatch),
          body,
          TrainingSummary.class);
    } finally {
      running(null);
    }
  }

  private synchronized void running(@Nullable BarrierStage stage) {
    running = stage;
    if (stage != null && stopping) {
      stage.stop();
    }
  }

  private synchronized boolean isStopping() {
    return stopping;
  }

  /**
   * Asks training, now or when it runs, for a last checkpoint, after which {@link #train} ends with
   * a {@link TrainingStoppedException}. May be called on any thread.
   */
  public synchronized void stop() {
    stopping = true;
    if (running != null) {
      running.stop();
    }
  }

  private BarrierStage stage(RunConfig layout) {
    return new BarrierStage(context, layout.cluster(), layout.device(), layout.restart(), progress);
  }

  /**
   * Evaluates a model on the validation side, on all ranks at once.
   *
   * @param model the model directory
   * @param assignments over the model's own configuration, as in this run's
   * @throws TrainingFailedException if a rank fails; names the one that failed first
   */
  public EvaluationMetrics evaluate(PreparedData data, String model, List<String> assignments) {
    int validationBatch = validationBatch(config, data);
    EvaluationBody body =
        new EvaluationBody(
            config,
            model,
            List.copyOf(assignments),
            validationBatch,
            data.counts().validation(),
            new SerializableConfiguration(context.hadoopConfiguration()));
    JavaRDD<TokenSequence> validation = shard(config, data.validation(), validationBatch);
    JavaRDD<TokenSequence> none = validation.filter(sequence -> false);
    return stage(config).run(none, validation, body, EvaluationMetrics.class);
  }

  /**
   * Measures what the run's communicators and modules cost, on all ranks at once.
   *
   * @return cost models, in the form of {@code conf/testbeds/*.conf}
   * @throws TrainingFailedException if a rank fails; names the one that failed first
   */
  public String profile() {
    JavaRDD<TokenSequence> none =
        JavaSparkContext.fromSparkContext(context)
            .parallelize(List.<TokenSequence>of(), config.cluster().ranks());
    return stage(config).run(none, none, new ProfileBody(config), String.class);
  }

  private int vocabSize() {
    TokenizerSpec spec =
        TokenizerSpec.resolve(config.data().tokenizer(), context.hadoopConfiguration());
    try (Tokenizer tokenizer = spec.open()) {
      return tokenizer.vocabSize();
    }
  }

  private static JavaRDD<TokenSequence> trainingShards(RunConfig layout, PreparedData data) {
    int globalBatch = layout.train().globalBatch();
    long steps = layout.train().steps();
    if (!data.counts().sources().isEmpty()) {
      long first = Math.min(steps * globalBatch, data.sequencesUntilAllWereSeen());
      LOG.info(
          "the first {} sequences of training are of the sources {}", first, data.drawn(first));
    }
    // Going back from a spike takes further batches.
    boolean rewinds = layout.health().onSpike() == HealthConfig.OnSpike.REWIND;
    return Sharding.shard(
        data, layout.data().seed(), globalBatch, rewinds ? Long.MAX_VALUE : steps, grid(layout));
  }

  private static JavaRDD<TokenSequence> shard(
      RunConfig layout, Dataset<Row> side, int globalBatch) {
    return Sharding.shard(side, layout.data().seed(), globalBatch, grid(layout));
  }

  private static Sharding.RankGrid grid(RunConfig layout) {
    Topology topology = layout.cluster().topology();
    return new Sharding.RankGrid(topology.nPp(), topology.nDp(), topology.nMp());
  }

  /**
   * Sequences of a global batch of validation data: as in training, so that every layout evaluates
   * on the same ones, or what there is.
   */
  private static int validationBatch(RunConfig layout, PreparedData data) {
    long sequences = data.counts().validation().sequences();
    int dataParallel = layout.cluster().topology().nDp();
    if (sequences < dataParallel) {
      throw new DataException(
          ("validation has %d sequences, must have one for each of the %d data-parallel ranks: name"
                  + " more data, or raise data.validation-fraction (%s)")
              .formatted(sequences, dataParallel, layout.data().validationFraction()));
    }
    long most = Math.min(layout.train().globalBatch(), sequences);
    return (int) (most - most % dataParallel);
  }
}
