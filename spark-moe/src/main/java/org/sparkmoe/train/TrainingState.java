package org.sparkmoe.train;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What a checkpoint holds beside tensors.
 *
 * @param cursor where training stands
 * @param log the training log so far, one JSON object a line; rank 0's counts
 * @param plan what this rank's schedule was planned from; null without a schedule
 */
record TrainingState(TrainingCursor cursor, List<String> log, @Nullable PlanInputs plan) {
  TrainingState {
    log = List.copyOf(log);
  }
}
