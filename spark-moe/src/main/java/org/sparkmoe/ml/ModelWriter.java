package org.sparkmoe.ml;

import java.io.IOException;
import java.io.UncheckedIOException;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.FileUtil;
import org.apache.hadoop.fs.Path;
import org.apache.spark.ml.util.DefaultParamsWriter;
import org.apache.spark.ml.util.MLWriter;
import org.sparkmoe.train.ModelDirectory;
import scala.Option;

/** Writes Params in Spark ML's format and the files of the model directory beside them. */
final class ModelWriter extends MLWriter {
  /** The folder of the model directory. */
  static final String MODEL = "model";

  private final MoeLanguageModel model;
  private final Path directory;

  ModelWriter(MoeLanguageModel model, Path directory) {
    this.model = model;
    this.directory = directory;
  }

  @Override
  public void saveImpl(String path) {
    Configuration hadoop = sparkSession().sparkContext().hadoopConfiguration();
    try {
      ModelDirectory.open(directory, hadoop);
      DefaultParamsWriter.saveMetadata(
          model, path, sparkSession().sparkContext(), Option.empty(), Option.empty());
      copyFiles(new Path(path, MODEL), hadoop);
    } catch (IOException e) {
      throw new UncheckedIOException(
          "the model in %s cannot be saved to %s".formatted(directory, path), e);
    }
  }

  private void copyFiles(Path target, Configuration hadoop) throws IOException {
    FileSystem from = directory.getFileSystem(hadoop);
    FileSystem to = target.getFileSystem(hadoop);
    to.mkdirs(target);
    for (FileStatus file : from.listStatus(directory)) {
      if (file.isFile()) {
        FileUtil.copy(from, file.getPath(), to, target, false, hadoop);
      }
    }
  }
}
