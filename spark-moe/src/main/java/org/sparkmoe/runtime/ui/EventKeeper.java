package org.sparkmoe.runtime.ui;

import java.util.function.Consumer;
import org.apache.spark.scheduler.SparkListener;
import org.apache.spark.scheduler.SparkListenerEvent;
import org.apache.spark.status.ElementTrackingStore;

/** Puts the events of trainings into the web UI's store, live and when an event log is replayed. */
final class EventKeeper extends SparkListener {
  private final ElementTrackingStore store;
  private final Consumer<TrainingEvent> also;

  /**
   * @param also hears of every event after it was stored, those not kept included
   */
  EventKeeper(ElementTrackingStore store, Consumer<TrainingEvent> also) {
    this.store = store;
    this.also = also;
  }

  @Override
  public void onOtherEvent(SparkListenerEvent event) {
    if (event instanceof TrainingEvent training) {
      if (training.kept()) {
        store.write(training);
      }
      also.accept(training);
    }
  }
}
