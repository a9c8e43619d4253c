package org.sparkmoe.ml;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import com.typesafe.config.ConfigRenderOptions;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;
import org.apache.spark.ml.Estimator;
import org.apache.spark.ml.param.BooleanParam;
import org.apache.spark.ml.param.Param;
import org.apache.spark.ml.param.ParamMap;
import org.apache.spark.ml.util.DefaultParamsReader;
import org.apache.spark.ml.util.DefaultParamsWritable;
import org.apache.spark.ml.util.Identifiable;
import org.apache.spark.ml.util.MLReader;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.types.StructType;
import org.sparkmoe.conf.ConfigSource;
import org.sparkmoe.data.DataPipeline;
import org.sparkmoe.runtime.ProgressListener;
import org.sparkmoe.runtime.RunConfig;
import org.sparkmoe.runtime.TerminalProgress;
import org.sparkmoe.runtime.TrainingRun;

/**
 * Trains a language model with Mixture-of-Experts layers on a column of texts.
 *
 * <p>{@code fit} does what {@code spark-moe train} does, on a Dataset instead of files: normalise,
 * drop repeated texts, split, tokenize and pack the texts, then train as a barrier stage of {@link
 * #ranks} tasks, and publish a model directory.
 *
 * <p>What is set as a Param goes over {@link #configuration}, which reaches every key there is, and
 * that over the defaults.
 *
 * <p>Unless {@link #outputDirectory} is set, each fit makes a model directory of its own, {@code
 * .spark-moe-…} in the working directory of Hadoop's default file system, which every rank must
 * reach; it goes when this JVM ends, as models that are not saved do in Spark. So leave it unset
 * where one trainer fits several times, as in {@code CrossValidator}.
 */
public final class MoeLanguageModelTrainer extends Estimator<MoeLanguageModel>
    implements ClusterParams<MoeLanguageModelTrainer>,
        ArchitectureParams<MoeLanguageModelTrainer>,
        TrainingParams<MoeLanguageModelTrainer>,
        ScoringParams<MoeLanguageModelTrainer>,
        DefaultParamsWritable {
  private static final long serialVersionUID = 1L;
  private static final String CONFIGURATION = "configuration";
  private static final String SHOW_PROGRESS = "showProgress";
  private static final String TEMPORARY = ".spark-moe-";

  private final String uid;
  private final ParamTable table;

  /** A trainer with a uid of its own. */
  public MoeLanguageModelTrainer() {
    this(Identifiable.randomUID("moeLanguageModelTrainer"));
  }

  /** A trainer with the given uid. */
  public MoeLanguageModelTrainer(String uid) {
    Config defaults = ConfigSource.parse(RunConfig.SECTIONS, "", List.of()).defaults();
    this.uid = uid;
    table = new ParamTable(uid);
    ScoringParams.addTo(table);
    ConfigKey.addAll(table);
    table.addString(
        CONFIGURATION,
        "HOCON text with any key of the configuration; Params that are set go over it");
    table.addBoolean(
        SHOW_PROGRESS,
        "Whether fit shows step, loss, tokens per second, time left and imbalance on standard error");
    ScoringParams.setDefaults(this);
    ConfigKey.setDefaults(this, defaults);
    setDefault(configuration(), "");
    setDefault(getParam(SHOW_PROGRESS), true);
  }

  @Override
  public String uid() {
    return uid;
  }

  @Override
  public ParamTable table() {
    return table;
  }

  /** Whether {@code fit} shows how far training is, as {@code spark-moe train} does. */
  public BooleanParam showProgress() {
    return table.ofBoolean(SHOW_PROGRESS);
  }

  public boolean getShowProgress() {
    return (boolean) valueOf(showProgress());
  }

  public MoeLanguageModelTrainer setShowProgress(boolean value) {
    return with(SHOW_PROGRESS, value);
  }

  /** HOCON text with any key of the configuration. */
  public Param<String> configuration() {
    return table.ofString(CONFIGURATION);
  }

  public String getConfiguration() {
    return valueOf(configuration());
  }

  /** Sets keys of the configuration by HOCON text, such as {@code moe.z-loss = 1e-3}. */
  public MoeLanguageModelTrainer setConfiguration(String hocon) {
    return with(CONFIGURATION, hocon);
  }

  /** Sets keys of the configuration by a map, such as {@code {"moe.z-loss": 1e-3}}. */
  public MoeLanguageModelTrainer setConfiguration(Map<String, ?> keys) {
    Config config = ConfigFactory.parseMap(keys, CONFIGURATION);
    return setConfiguration(config.root().render(ConfigRenderOptions.concise()));
  }

  /**
   * Trains a model.
   *
   * @throws IllegalArgumentException if the Dataset is a stream
   * @throws org.sparkmoe.conf.ConfigurationException if Params and configuration do not suit
   * @throws org.sparkmoe.runtime.TrainingFailedException if a rank fails; names the first
   */
  @Override
  public MoeLanguageModel fit(Dataset<?> dataset) {
    if (dataset.isStreaming()) {
      throw new IllegalArgumentException(
          ("%s: the Dataset is a stream, must end: write the stream to a table and fit what"
                  + " spark.read() finds there, or fit each batch in writeStream().foreachBatch")
              .formatted(uid));
    }
    transformSchema(dataset.schema());
    SparkSession spark = dataset.sparkSession();
    Dataset<Row> texts = dataset.toDF();
    TerminalProgress shown =
        new TerminalProgress(new PrintWriter(System.err, true), System.console() != null);
    try {
      Path directory = modelDirectory(spark.sparkContext().hadoopConfiguration());
      ConfigSource source = source(directory.toString());
      RunConfig config = RunConfig.bind(source);
      ProgressListener progress = getShowProgress() ? shown : ProgressListener.silent();
      new TrainingRun(spark, config, source.render(), progress)
          .run(() -> DataPipeline.prepare(texts, config.data()), (counts, plan) -> {});
      MoeLanguageModel model = new MoeLanguageModel(uid, directory.toString());
      model.setPromptCol(config.data().promptColumn());
      return copyValues(model.setParent(this), ParamMap.empty());
    } catch (IOException e) {
      throw new UncheckedIOException("training of %s failed".formatted(uid), e);
    } finally {
      shown.end();
    }
  }

  private Path modelDirectory(Configuration hadoop) throws IOException {
    if (isSet(outputDirectory())) {
      Path path = new Path(getOutputDirectory());
      return path.getFileSystem(hadoop).makeQualified(path);
    }
    FileSystem files = FileSystem.get(hadoop);
    Path path = files.makeQualified(new Path(TEMPORARY + UUID.randomUUID()));
    files.mkdirs(path);
    files.deleteOnExit(path);
    return path;
  }

  private ConfigSource source(String directory) {
    List<String> assignments = new ArrayList<>(ConfigKey.assignments(this));
    assignments.add(ConfigKey.assignment("data.format", "dataset"));
    assignments.add(ConfigKey.assignment("data.text-column", getInputCol()));
    if (isSet(promptCol())) {
      assignments.add(ConfigKey.assignment("data.prompt-column", getPromptCol()));
    }
    assignments.add(ConfigKey.assignment("output.directory", directory));
    return ConfigSource.parse(RunConfig.SECTIONS, getConfiguration(), assignments);
  }

  /**
   * The columns after {@code transform} of the model.
   *
   * @throws IllegalArgumentException if the input column is not there or holds no strings, or a
   *     column to add is there
   * @throws org.sparkmoe.conf.ConfigurationException if Params and configuration do not suit, so
   *     that a pipeline ends before it works for nothing
   */
  @Override
  public StructType transformSchema(StructType schema) {
    RunConfig config =
        RunConfig.bind(source(isSet(outputDirectory()) ? getOutputDirectory() : TEMPORARY));
    String prompt = config.data().promptColumn();
    if (!prompt.isEmpty()) {
      TextColumn.check(schema, "data.prompt-column", prompt);
    }
    return ScoringColumns.of(this).addTo(schema);
  }

  @Override
  public MoeLanguageModelTrainer copy(ParamMap extra) {
    return defaultCopy(extra);
  }

  /** Reads what {@code write} wrote. */
  public static MLReader<MoeLanguageModelTrainer> read() {
    return new DefaultParamsReader<>();
  }

  /** Reads what {@code save} wrote. */
  public static MoeLanguageModelTrainer load(String path) {
    return read().load(path);
  }
}
