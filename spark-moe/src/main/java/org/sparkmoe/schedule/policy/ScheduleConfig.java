package org.sparkmoe.schedule.policy;

import java.io.Serializable;
import java.util.ArrayList;
import java.util.List;

/**
 * How training runs its MoE layers; keys {@code schedule.*}.
 *
 * @param policy which schedule
 * @param maxDegree largest pipeline degree
 * @param bufferLimit bytes that the chunks of one MoE layer may take at a time; 0 for no limit
 * @param profileCache folder of this machine for measured cost models, empty for none
 * @param replanError relative error of the predicted time of the MoE layers above which the job
 *     measures and plans again
 * @param replanAfter steps in a row with such an error before that happens the first time; each
 *     further time takes twice as many
 * @param trace file on any Hadoop file system for a Chrome trace of the MoE layers in the latest
 *     logged step, measured beside predicted; empty for none
 */
public record ScheduleConfig(
    PolicyName policy,
    int maxDegree,
    long bufferLimit,
    String profileCache,
    double replanError,
    int replanAfter,
    String trace)
    implements Serializable {
  private static final int MOST = 64;

  public ScheduleConfig {
    List<String> problems = new ArrayList<>();
    if (maxDegree < 1 || maxDegree > MOST) {
      problems.add("schedule.max-degree is %d, must be from 1 to %d".formatted(maxDegree, MOST));
    }
    if (bufferLimit < 0) {
      problems.add(
          "schedule.buffer-limit is %d, must be at least 0 (0 for no limit)"
              .formatted(bufferLimit));
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
