package org.sparkmoe.faults;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;

/** The faults that need {@link Namespaces}. */
final class NetworkFaults {
  private static final Pattern ENDING = Pattern.compile("ending all ranks");

  private NetworkFaults() {}

  /** By the word that chooses them; each wants one more worker than there are ranks. */
  static Map<String, Fault> all() {
    Map<String, Fault> all = new LinkedHashMap<>();
    all.put(
        "cut",
        Fault.of(
            "an executor's node off the network, a spare worker there",
            Fault.Ending.RESTARTS,
            (scene, job) -> {
              Scene.awaitCheckpoint(job);
              List<ProcessHandle> executors = job.executors();
              long now = System.nanoTime();
              Namespaces.cut(Namespaces.node(executors.get(executors.size() - 1)));
              return now;
            }));
    all.put(
        "split",
        Fault.of(
            "no packets between two executors, healed after the failure",
            Fault.Ending.RESTARTS,
            (scene, job) -> {
              Scene.awaitCheckpoint(job);
              List<ProcessHandle> executors = job.executors();
              int one = Namespaces.node(executors.get(0));
              int other = Namespaces.node(executors.get(1));
              long now = System.nanoTime();
              Namespaces.split(one, other, true);
              job.await(ENDING, now);
              Namespaces.split(one, other, false);
              return now;
            }));
    return all;
  }
}
