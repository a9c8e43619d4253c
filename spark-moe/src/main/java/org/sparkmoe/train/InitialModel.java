package org.sparkmoe.train;

import java.io.IOException;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.Path;
import org.sparkmoe.model.LanguageModel;

/**
 * The weights that training begins with.
 *
 * @param directory a model directory; empty: the model keeps its random weights
 * @param model this rank's part
 */
record InitialModel(String directory, Configuration hadoop, LanguageModel model) {

  /**
   * Fills the model, whatever its layout.
   *
   * @throws TrainingException if the directory is not of a model of the same tensors
   */
  void load() {
    if (directory.isEmpty()) {
      return;
    }
    try {
      ModelDirectory.open(new Path(directory), hadoop).loadInto(model);
    } catch (IOException e) {
      throw new TrainingException(
          "train.initial-model is \"%s\", must be a directory of the same model: %s"
              .formatted(directory, e.getMessage()),
          e);
    }
  }
}
