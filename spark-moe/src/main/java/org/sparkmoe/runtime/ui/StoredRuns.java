package org.sparkmoe.runtime.ui;

import java.util.ArrayList;
import java.util.List;
import org.apache.spark.util.kvstore.KVStore;
import org.apache.spark.util.kvstore.KVStoreIterator;
import org.sparkmoe.runtime.report.TrainingHistory;
import org.sparkmoe.train.EvaluationMetrics;
import org.sparkmoe.train.ScheduleTrace;
import org.sparkmoe.train.StepMetrics;
import org.sparkmoe.train.TrainingStart;

/**
 * The trainings in a web UI's store.
 *
 * @param store with the events that were kept
 */
record StoredRuns(KVStore store) {

  /** When each began, the oldest first. */
  List<String> names() {
    return events().stream().map(TrainingEvent::run).distinct().toList();
  }

  /**
   * How a training went.
   *
   * @param run one of the names
   */
  StoredRun run(String run) {
    TrainingStart start = null;
    List<StepMetrics> steps = new ArrayList<>();
    List<EvaluationMetrics> evaluations = new ArrayList<>();
    ScheduleTrace schedule = null;
    for (TrainingEvent event : events()) {
      if (event.run().equals(run)) {
        start = event.start() != null ? event.start() : start;
        schedule = event.schedule() != null ? event.schedule() : schedule;
        if (event.step() != null) {
          steps.add(event.step());
        }
        if (event.evaluation() != null) {
          evaluations.add(event.evaluation());
        }
      }
    }
    return new StoredRun(run, start, new TrainingHistory(steps, evaluations, schedule));
  }

  /** In the order of their keys: by run, then as they happened. */
  private List<TrainingEvent> events() {
    List<TrainingEvent> events = new ArrayList<>();
    try (KVStoreIterator<TrainingEvent> stored =
        store.view(TrainingEvent.class).closeableIterator()) {
      stored.forEachRemaining(events::add);
    } catch (Exception e) {
      throw new IllegalStateException("the store of the web UI cannot be read", e);
    }
    return events;
  }
}
