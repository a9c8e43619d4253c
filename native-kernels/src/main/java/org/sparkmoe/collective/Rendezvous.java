package org.sparkmoe.collective;

import java.util.List;

/**
 * How ranks that cannot yet talk to each other exchange addresses. In Spark it is {@code
 * BarrierTaskContext.allGather}, so that the exchange has Spark's authentication and encryption.
 */
@FunctionalInterface
public interface Rendezvous {

  /**
   * A collective call of the whole world.
   *
   * @param message of this rank
   * @return the messages of all ranks, in rank order
   */
  List<String> allGather(String message);
}
