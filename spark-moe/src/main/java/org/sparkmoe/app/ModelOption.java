package org.sparkmoe.app;

import java.io.IOException;
import java.util.List;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.Path;
import org.sparkmoe.runtime.TrainedModel;

/** The model directory that a command is given. */
final class ModelOption {
  private ModelOption() {}

  /**
   * Opens it.
   *
   * @throws RefusedException if it is none
   */
  static TrainedModel open(String directory, List<String> assignments, Configuration hadoop) {
    try {
      return TrainedModel.open(new Path(directory), assignments, hadoop);
    } catch (IOException e) {
      throw new RefusedException("--model cannot be used: " + e.getMessage());
    }
  }
}
