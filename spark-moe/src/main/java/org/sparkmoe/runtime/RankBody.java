package org.sparkmoe.runtime;

import java.io.Serializable;
import java.util.List;
import org.sparkmoe.runtime.ui.RoutingAccumulators;
import org.sparkmoe.topology.RankGroups;
import org.sparkmoe.train.TrainingListener;

/**
 * What every rank does: load its data before it meets the others, so that bad data ends the job
 * without anybody waiting, then run with them.
 *
 * @param <A> the answer, registered with Kryo
 */
@FunctionalInterface
interface RankBody<A> extends Serializable {

  /** Reads this rank's sequences. */
  Loaded<A> load(RankData data);

  /** What Spark sums of the steps; by default nothing. */
  default RoutingAccumulators routing() {
    return new RoutingAccumulators(List.of());
  }

  /**
   * A rank that is ready to run.
   *
   * @param <A> the answer
   */
  interface Loaded<A> extends AutoCloseable {

    /**
     * Runs on every rank at once.
     *
     * @param listener what it is told goes to the driver; only rank 0 tells
     * @return the answer, of which only rank 0's is used
     */
    A run(RankGroups groups, TrainingListener listener);

    @Override
    void close();
  }
}
