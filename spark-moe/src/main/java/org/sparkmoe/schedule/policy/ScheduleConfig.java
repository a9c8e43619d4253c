package org.sparkmoe.schedule.policy;

import java.io.Serializable;
import java.util.ArrayList;
import java.util.List;

/**
 * How training runs its MoE layers; keys {@code schedule.*}.
 *
 * @param policy which schedule
 * @param maxDegree largest pipeline degree
 * @param profileCache folder of this machine for measured cost models, empty for none
 * @param replanError relative error of the predicted time of the MoE layers above which the job
 *     measures and plans again
 * @param replanAfter steps in a row with such an error before that happens
 * @param trace file on rank 0's machine for a Chrome trace of the MoE layers in the last logged
 *     step, measured beside predicted; empty for none
 */
public record ScheduleConfig(
    PolicyName policy,
    int maxDegree,
    String profileCache,
    double replanError,
    int replanAfter,
    String trace)
    implements Serializable {
  private static final int MOST = 64;

  public ScheduleConfig {
    List<String> problems = new ArrayList<>();
    if (policy == PolicyName.BEST) {
      problems.add(
          "schedule.policy is best, which plan and simulate only: its chunks flow through attention."
              + " Must be fsmoe, fsmoe-no-iio, pipemoe-lina, tutel-improved, tutel or ds-moe");
    }
    if (maxDegree < 1 || maxDegree > MOST) {
      problems.add("schedule.max-degree is %d, must be from 1 to %d".formatted(maxDegree, MOST));
    }
    if (!(replanError > 0)) {
      problems.add("schedule.replan-error is %s, must be above 0".formatted(replanError));
    }
    if (replanAfter < 1) {
      problems.add("schedule.replan-after is %d, must be at least 1".formatted(replanAfter));
    }
    if (!problems.isEmpty()) {
      throw new IllegalArgumentException(String.join("\n", problems));
    }
  }
}
