package org.sparkmoe.moe;

import org.sparkmoe.topology.RankGroups;

/** Makes dispatches. */
public interface DispatchProvider extends ModuleProvider {

  /** Makes the dispatch of one rank. */
  Dispatch create(RankGroups groups);
}
