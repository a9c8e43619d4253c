package org.sparkmoe.train;

import java.util.ArrayList;
import java.util.List;
import org.sparkmoe.model.ModelConfig;
import org.sparkmoe.topology.Topology;

/**
 * What a pipeline stage has of a model, in numbers.
 *
 * @param isFirst whether it has the embedding
 * @param isLast whether it has the output head
 * @param layers its blocks
 * @param moeLayers those of them that are MoE layers
 * @param held the most micro-batches whose activations it holds at a time
 */
record StageShare(boolean isFirst, boolean isLast, int layers, int moeLayers, int held) {

  /** The shares of all stages in order. */
  static List<StageShare> of(ModelConfig model, Topology topology, TrainConfig train) {
    int stages = topology.nPp();
    int microBatches = Math.max(1, train.globalBatch() / (topology.nDp() * train.microBatch()));
    List<StageShare> shares = new ArrayList<>();
    int first = 0;
    for (int blocks : model.blocksOfStages(stages)) {
      int stage = shares.size();
      int end = first + blocks;
      shares.add(
          new StageShare(
              stage == 0,
              stage == stages - 1,
              blocks,
              model.moeLayersBefore(end) - model.moeLayersBefore(first),
              train.pipelineSchedule().mostHeld(stage, stages, microBatches)));
      first = end;
    }
    return shares;
  }
}
