package org.sparkmoe.ml;

import java.io.IOException;
import java.io.UncheckedIOException;
import org.apache.hadoop.fs.Path;
import org.apache.spark.SparkContext;
import org.apache.spark.ml.util.DefaultParamsReader;
import org.apache.spark.ml.util.MLReader;
import org.sparkmoe.train.ModelDirectory;
import scala.Option;

/** Reads what {@link ModelWriter} wrote. */
final class ModelReader extends MLReader<MoeLanguageModel> {

  @Override
  public MoeLanguageModel load(String path) {
    SparkContext context = sparkSession().sparkContext();
    DefaultParamsReader.Metadata metadata =
        DefaultParamsReader.loadMetadata(path, context, MoeLanguageModel.class.getName());
    Path relative = new Path(path, ModelWriter.MODEL);
    try {
      Path directory =
          relative.getFileSystem(context.hadoopConfiguration()).makeQualified(relative);
      ModelDirectory.open(directory, context.hadoopConfiguration());
      MoeLanguageModel model = new MoeLanguageModel(metadata.uid(), directory.toString());
      metadata.getAndSetParams(model, Option.empty());
      return model;
    } catch (IOException e) {
      throw new UncheckedIOException("no model can be read from %s".formatted(path), e);
    }
  }
}
