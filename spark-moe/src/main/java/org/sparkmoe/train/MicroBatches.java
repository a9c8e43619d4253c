package org.sparkmoe.train;

import org.bytedeco.pytorch.Device;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.sparkmoe.data.ContextToken;
import org.sparkmoe.moe.StepContext;
import org.sparkmoe.tensor.DeviceMemory;
import org.sparkmoe.topology.RankGroups;

/**
 * Rows of token ids as the model wants them.
 *
 * @param groups tell which part of a micro-step is this rank's
 * @param sequenceLength L
 * @param device where the model computes
 */
record MicroBatches(RankGroups groups, int sequenceLength, Device device) {

  /** The tokens that are read: {@code [B, L]} i64, in the caller's scope. */
  Tensor inputs(int[][] rows) {
    return tensor(rows, (row, place) -> ContextToken.token(row[place]));
  }

  /**
   * The tokens that are predicted, negative where that carries no loss: {@code [B, L]} i64, in the
   * caller's scope.
   */
  Tensor targets(int[][] rows) {
    return tensor(rows, (row, place) -> row[place + 1]);
  }

  @FunctionalInterface
  private interface Entry {
    int of(int[] row, int place);
  }

  private Tensor tensor(int[][] rows, Entry entry) {
    long[] flat = new long[rows.length * sequenceLength];
    for (int row = 0; row < rows.length; row++) {
      for (int place = 0; place < sequenceLength; place++) {
        flat[row * sequenceLength + place] = entry.of(rows[row], place);
      }
    }
    return DeviceMemory.copied(
        Tensor.create(flat, rows.length, sequenceLength), device, ScalarType.Long);
  }

  /**
   * Where a micro-step stands in training.
   *
   * @param rows B
   */
  StepContext training(TrainingCursor cursor, int microBatch, int microBatches, int rows) {
    return new StepContext(
        true,
        cursor.seed(),
        cursor.step(),
        microBatch,
        microBatches,
        firstToken(rows),
        microStepTokens(rows));
  }

  /** A micro-step in evaluation, which makes no random choices. */
  StepContext evaluation(int rows) {
    return new StepContext(false, 0, 0, 0, 1, firstToken(rows), microStepTokens(rows));
  }

  private long firstToken(int rows) {
    long shard = (long) rows * sequenceLength;
    return groups.dp().rank() * shard + groups.mp().rank() * (shard / groups.mp().size());
  }

  /** Tokens that all ranks pass through the model at once. */
  long microStepTokens(int rows) {
    return (long) groups.dp().size() * rows * sequenceLength;
  }
}
