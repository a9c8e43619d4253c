package org.sparkmoe.faults;

import java.util.List;
import java.util.Map;

/** The faults that need a {@link Standalone} cluster, whose workers can be lost. */
final class WorkerFaults {
  /**
   * Late, so that few steps are compared: sums in another order differ in the last digits, and
   * training at this learning rate makes more of that with every step.
   */
  private static final int CHECKPOINTS = 7;

  private WorkerFaults() {}

  /** By the word that chooses them; each wants as many workers as there are ranks. */
  static Map<String, Fault> all() {
    return Map.of(
        "node",
        Fault.of(
                "executor and its worker get SIGKILL, no other takes their place",
                Fault.Ending.SHRINKS,
                (scene, job) -> {
                  for (int i = 0; i < CHECKPOINTS; i++) {
                    Scene.awaitCheckpoint(job);
                  }
                  List<ProcessHandle> executors = job.executors();
                  ProcessHandle executor = executors.get(executors.size() - 1);
                  ProcessHandle worker = executor.parent().orElseThrow();
                  long now = System.nanoTime();
                  worker.destroyForcibly();
                  executor.destroyForcibly();
                  return now;
                })
            .with(List.of("restart.elastic=true", "cluster.start-timeout=15s")));
  }
}
