package org.sparkmoe.train;

import java.util.Arrays;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.DoubleStream;
import java.util.stream.Stream;
import org.sparkmoe.profile.Profile;

/**
 * What the plan of a step follows from, since a policy is a pure function. Kept in checkpoints: a
 * job that goes on must cut its layers into the same chunks as before, because other chunks sum in
 * another order, and a new measurement would seldom lead to the same ones.
 *
 * @param job layout, sizes and policy, in words that are compared in full
 * @param profile that was planned from
 */
record PlanInputs(String job, Profile profile) {
  private static final String JOB = "schedule/job";
  private static final String PROFILE = "schedule/profile";

  /** For the metadata of a shard. */
  Map<String, String> toMetadata() {
    String values =
        DoubleStream.of(profile.values())
            .mapToObj(String::valueOf)
            .collect(Collectors.joining(" "));
    return Map.of(JOB, job, PROFILE, values);
  }

  /**
   * Reads what {@link #toMetadata} wrote.
   *
   * @return empty if there is nothing of it
   * @throws SafetensorsException if it is damaged
   */
  static Optional<PlanInputs> of(Map<String, String> metadata) throws SafetensorsException {
    String job = metadata.get(JOB);
    String values = metadata.get(PROFILE);
    if (job == null || values == null) {
      return Optional.empty();
    }
    try {
      double[] numbers = Stream.of(values.split(" ")).mapToDouble(Double::parseDouble).toArray();
      return Optional.of(new PlanInputs(job, Profile.of(numbers)));
    } catch (IllegalArgumentException e) {
      throw new SafetensorsException(
          "metadata %s is \"%s\", must be a profile: %s".formatted(PROFILE, values, e.getMessage()),
          e);
    }
  }

  /** Differs between plans from different measurements, but for chance. */
  long fingerprint() {
    return job.hashCode() * 31L + Arrays.hashCode(profile.values());
  }
}
