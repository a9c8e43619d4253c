package org.sparkmoe.train;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;

/**
 * In which order a pipeline stage passes the micro-batches of a step forward and backward. Within a
 * direction micro-batches follow each other in all schedules, so that gradients are summed in the
 * same order and have the same bits.
 */
public enum PipelineSchedule {
  /** All forward, then all backward (GPipe, Huang et al. 2019): a stage holds all micro-batches. */
  GPIPE {
    @Override
    int warmUp(int stage, int stages, int microBatches) {
      return microBatches;
    }
  },

  /**
   * One forward, one backward (PipeDream-Flush, Narayanan et al. 2021): a stage goes forward until
   * the first gradient can be there, then takes turns. It holds {@code stages - stage}
   * micro-batches at most, and idles no longer than with GPipe.
   */
  ONE_F_ONE_B {
    @Override
    int warmUp(int stage, int stages, int microBatches) {
      return Math.min(microBatches, stages - stage - 1);
    }
  };

  /** Forward passes before a stage begins to take turns. */
  abstract int warmUp(int stage, int stages, int microBatches);

  /**
   * What a stage does in a step.
   *
   * @param stage from 0
   * @param stages N_PP
   * @param microBatches of the step, at least 1
   */
  List<MicroBatchAction> actions(int stage, int stages, int microBatches) {
    int ahead = warmUp(stage, stages, microBatches);
    List<MicroBatchAction> actions = new ArrayList<>();
    for (int i = 0; i < microBatches + ahead; i++) {
      if (i < microBatches) {
        actions.add(new MicroBatchAction(MicroBatchAction.Direction.FORWARD, i));
      }
      if (i >= ahead) {
        actions.add(new MicroBatchAction(MicroBatchAction.Direction.BACKWARD, i - ahead));
      }
    }
    return actions;
  }

  /** The most micro-batches whose activations a stage holds at a time. */
  int mostHeld(int stage, int stages, int microBatches) {
    return Math.min(microBatches, warmUp(stage, stages, microBatches) + 1);
  }

  /** For example {@code F0 F1 B0 F2 B1 B2}. */
  static String text(List<MicroBatchAction> actions) {
    return actions.stream().map(MicroBatchAction::toString).collect(Collectors.joining(" "));
  }
}
