package org.sparkmoe.runtime.ui;

import java.util.List;
import org.apache.spark.SparkConf;
import org.apache.spark.scheduler.SparkListener;
import org.apache.spark.status.AppHistoryServerPlugin;
import org.apache.spark.status.ElementTrackingStore;
import org.apache.spark.ui.SparkUI;
import org.apache.spark.util.kvstore.KVStore;
import scala.collection.immutable.Seq;
import scala.jdk.javaapi.CollectionConverters;

/** Shows trainings in the History Server, from the event log; its class path must have this jar. */
public final class MoeHistoryPlugin implements AppHistoryServerPlugin {

  @Override
  public Seq<SparkListener> createListeners(SparkConf conf, ElementTrackingStore store) {
    SparkListener keeper = new EventKeeper(store, event -> {});
    return CollectionConverters.asScala(List.of(keeper)).toSeq();
  }

  @Override
  public void setupUI(SparkUI ui) {
    KVStore store = ui.store().store();
    if (!new StoredRuns(store).names().isEmpty()) {
      MoeTab.attach(ui, store);
    }
  }
}
