package org.sparkmoe.schedule.graph;

/** The three resources that work side by side (paper §4.2). */
public enum Lane {
  COMPUTE,
  INTRA_NODE,
  INTER_NODE
}
