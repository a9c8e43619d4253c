package org.sparkmoe.schedule.sim;

import org.sparkmoe.schedule.graph.Lane;

/** Names of lanes for people. */
final class LaneNames {
  private LaneNames() {}

  static String of(Lane lane) {
    return switch (lane) {
      case COMPUTE -> "compute";
      case INTRA_NODE -> "intra-node";
      case INTER_NODE -> "inter-node";
    };
  }
}
