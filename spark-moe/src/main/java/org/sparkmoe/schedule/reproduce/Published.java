package org.sparkmoe.schedule.reproduce;

import java.util.EnumMap;
import java.util.Map;
import org.sparkmoe.schedule.policy.PolicyName;

/** Mean speed-ups over Tutel on the configured layers, as measured by the paper (Table 5). */
final class Published {
  private Published() {}

  /**
   * @param testbed {@code A} or {@code B}
   */
  static Map<PolicyName, Double> speedUpsOverTutel(String testbed) {
    Map<PolicyName, Double> speedUps = new EnumMap<>(PolicyName.class);
    boolean a = testbed.equals("A");
    if (!a && !testbed.equals("B")) {
      throw new IllegalArgumentException(
          "testbed %s: the paper has figures of A and B".formatted(testbed));
    }
    speedUps.put(PolicyName.TUTEL, 1.0);
    speedUps.put(PolicyName.TUTEL_IMPROVED, a ? 1.09 : 1.08);
    speedUps.put(PolicyName.FSMOE_NO_IIO, a ? 1.12 : 1.16);
    speedUps.put(PolicyName.FSMOE, a ? 1.18 : 1.22);
    return speedUps;
  }

  /** Longest sequence of the configured layers. */
  static int longestSequence(String testbed) {
    return testbed.equals("A") ? 2048 : 1024;
  }
}
