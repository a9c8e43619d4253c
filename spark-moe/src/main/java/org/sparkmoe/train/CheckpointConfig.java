package org.sparkmoe.train;

import java.io.Serializable;

/**
 * When and where checkpoints are written; keys {@code checkpoint.*}.
 *
 * @param directory on any Hadoop file system that all ranks reach; empty stands for {@code
 *     checkpoints} in the model directory
 * @param every steps from one checkpoint to the next; 0 writes the last one only
 * @param keep how many complete checkpoints stay
 * @param asynchronous whether training goes on while a checkpoint is written, from a copy
 * @param resume whether training goes on from the newest usable checkpoint, if there is one
 */
public record CheckpointConfig(
    String directory, long every, int keep, boolean asynchronous, boolean resume)
    implements Serializable {

  /**
   * @throws IllegalArgumentException with one line for each invalid value
   */
  public CheckpointConfig {
    Problems problems = new Problems("checkpoint.");
    problems.check(every >= 0, "every", every, "at least 0 (0 writes the last one only)");
    problems.check(keep >= 1, "keep", keep, "at least 1");
    problems.throwIfAny();
  }

  /** The same with {@code directory} filled in, if it is empty. */
  public CheckpointConfig inModelDirectory(String modelDirectory) {
    return directory.isEmpty()
        ? new CheckpointConfig(modelDirectory + "/checkpoints", every, keep, asynchronous, resume)
        : this;
  }

  /** The same, going on from the newest usable checkpoint or not. */
  public CheckpointConfig withResume(boolean value) {
    return new CheckpointConfig(directory, every, keep, asynchronous, value);
  }

  /**
   * Whether a rank keeps a copy of the state it writes. The last checkpoint needs none, since
   * nothing goes on meanwhile.
   */
  public boolean copiesState() {
    return asynchronous && every > 0;
  }
}
