package org.sparkmoe.train;

/**
 * Where training stands. Data order and random choices are functions of these numbers, so nothing
 * else need be kept of them.
 *
 * @param step steps done
 * @param updates steps whose gradient was finite, which is what Adam counts
 * @param skippedBatches global batches that were left out before this step, after loss spikes
 * @param seed {@code train.seed}
 * @param globalBatch sequences in a step
 * @param sequenceLength tokens predicted in a sequence
 */
record TrainingCursor(
    long step, long updates, long skippedBatches, long seed, int globalBatch, int sequenceLength) {

  /** After one more step. */
  TrainingCursor next(boolean updated) {
    return new TrainingCursor(
        step + 1, updates + (updated ? 1 : 0), skippedBatches, seed, globalBatch, sequenceLength);
  }

  /** The global batch that comes next. */
  long batch() {
    return step + skippedBatches;
  }

  /** The same place in training, going on with {@code batch}. */
  TrainingCursor withBatch(long batch) {
    return new TrainingCursor(step, updates, batch - step, seed, globalBatch, sequenceLength);
  }

  /**
   * Checks that training can go on from here under the settings of {@code configured}.
   *
   * @throws IllegalArgumentException with one line for each value that differs
   */
  void checkSettings(TrainingCursor configured) {
    Problems problems = new Problems("");
    same(problems, "train.seed", configured.seed, seed);
    same(problems, "train.global-batch", configured.globalBatch, globalBatch);
    same(problems, "data.sequence-length", configured.sequenceLength, sequenceLength);
    problems.throwIfAny();
  }

  private static void same(Problems problems, String key, long configured, long written) {
    problems.check(
        configured == written, key, configured, "%d as in the checkpoint".formatted(written));
  }
}
