package org.sparkmoe.runtime.ui;

import org.apache.spark.ui.SparkUI;
import org.apache.spark.ui.SparkUITab;
import org.apache.spark.util.kvstore.KVStore;

/** The tab of trainings in Spark's web UI. */
final class MoeTab extends SparkUITab {

  private MoeTab(SparkUI ui, KVStore store) {
    super(ui, "MoE");
    attachPage(new MoePage(this, new StoredRuns(store)));
  }

  static void attach(SparkUI ui, KVStore store) {
    ui.attachTab(new MoeTab(ui, store));
  }
}
