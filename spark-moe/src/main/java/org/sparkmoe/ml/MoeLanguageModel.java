package org.sparkmoe.ml;

import org.apache.hadoop.fs.Path;
import org.apache.spark.ml.Model;
import org.apache.spark.ml.param.ParamMap;
import org.apache.spark.ml.util.Identifiable;
import org.apache.spark.ml.util.MLReader;
import org.apache.spark.ml.util.MLWritable;
import org.apache.spark.ml.util.MLWriter;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.types.StructType;
import org.apache.spark.util.SerializableConfiguration;

/**
 * A trained language model, which scores texts and goes on from them.
 *
 * <p>{@code transform} adds the columns that the Params name. Each task loads the model from its
 * directory, which must lie where every executor reaches it, passes its rows through it in batches,
 * and frees it. Tokens are never dropped for want of capacity, so that a row's score does not
 * depend on its neighbours; only with a gate that looks at other tokens, such as expert-choice, it
 * depends on the whole row.
 */
public final class MoeLanguageModel extends Model<MoeLanguageModel>
    implements ScoringParams<MoeLanguageModel>, MLWritable {
  private static final long serialVersionUID = 1L;

  private final String uid;
  private final String directory;
  private final ParamTable table;

  MoeLanguageModel(String uid, String directory) {
    this.uid = uid;
    this.directory = directory;
    table = new ParamTable(uid);
    ScoringParams.addTo(table);
    ScoringParams.setDefaults(this);
  }

  /**
   * The model in a directory that {@code spark-moe train} made.
   *
   * @param directory on any Hadoop file system that executors reach
   */
  public static MoeLanguageModel fromModelDirectory(String directory) {
    return new MoeLanguageModel(Identifiable.randomUID("moeLanguageModel"), directory);
  }

  @Override
  public String uid() {
    return uid;
  }

  @Override
  public ParamTable table() {
    return table;
  }

  /** Where the weights lie; the command line generates from it and evaluates it too. */
  public String modelDirectory() {
    return directory;
  }

  @Override
  public Dataset<Row> transform(Dataset<?> dataset) {
    StructType schema = transformSchema(dataset.schema());
    SerializableConfiguration hadoop =
        new SerializableConfiguration(dataset.sparkSession().sparkContext().hadoopConfiguration());
    PartitionScoring scoring = new PartitionScoring(directory, ScoringColumns.of(this), hadoop);
    return dataset.toDF().mapPartitions(scoring, Encoders.row(schema));
  }

  /**
   * The columns after {@code transform}.
   *
   * @throws IllegalArgumentException if the input column is not there or holds no strings, or a
   *     column to add is there
   */
  @Override
  public StructType transformSchema(StructType schema) {
    return ScoringColumns.of(this).addTo(schema);
  }

  @Override
  public MoeLanguageModel copy(ParamMap extra) {
    MoeLanguageModel copy = new MoeLanguageModel(uid, directory);
    return copyValues(copy, extra).setParent(parent());
  }

  /** Writes Params, and a copy of the model directory without its checkpoints. */
  @Override
  public MLWriter write() {
    return new ModelWriter(this, new Path(directory));
  }

  /** Reads what {@code write} wrote. */
  public static MLReader<MoeLanguageModel> read() {
    return new ModelReader();
  }

  /** Reads what {@code save} wrote. */
  public static MoeLanguageModel load(String path) {
    return read().load(path);
  }
}
