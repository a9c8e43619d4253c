package org.sparkmoe.train;

/**
 * Where training stands. Data order and random choices are functions of these numbers, so nothing
 * else need be kept of them.
 *
 * @param step steps done
 * @param updates steps whose gradient was finite, which is what Adam counts
 * @param skippedBatches global batches that were left out before this step, after loss spikes
 * @param rewinds how often training went back because of a loss spike
 * @param seed {@code train.seed}
 * @param globalBatch sequences in a step
 * @param sequenceLength tokens predicted in a sequence
 */
record TrainingCursor(
    long step,
    long updates,
    long skippedBatches,
    long rewinds,
    long seed,
    int globalBatch,
    int sequenceLength) {

  /** Before the first step. */
  static TrainingCursor first(long seed, int globalBatch, int sequenceLength) {
    return new TrainingCursor(0, 0, 0, 0, seed, globalBatch, sequenceLength);
  }

  /** After one more step. */
  TrainingCursor next(boolean updated) {
    return new TrainingCursor(
        step + 1,
        updates + (updated ? 1 : 0),
        skippedBatches,
        rewinds,
        seed,
        globalBatch,
        sequenceLength);
  }

  /** The global batch that comes next. */
  long batch() {
    return step + skippedBatches;
  }

  /** This place in training, to which it went back from {@code now}, to go on with later data. */
  TrainingCursor rewoundFrom(TrainingCursor now) {
    return new TrainingCursor(
        step, updates, now.batch() - step, now.rewinds() + 1, seed, globalBatch, sequenceLength);
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
