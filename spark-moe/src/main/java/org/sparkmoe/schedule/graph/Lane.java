package org.sparkmoe.schedule.graph;

/**
 * The three resources that work side by side (paper §4.2). Policies without overlap between
 * intra-node and inter-node communication put both on {@link #INTER_NODE}.
 */
public enum Lane {
  COMPUTE,
  INTRA_NODE,
  INTER_NODE
}
