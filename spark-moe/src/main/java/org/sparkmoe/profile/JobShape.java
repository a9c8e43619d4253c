package org.sparkmoe.profile;

import org.sparkmoe.schedule.cost.ExpertType;
import org.sparkmoe.schedule.cost.LayerShape;
import org.sparkmoe.schedule.cost.LayerWorkload;
import org.sparkmoe.topology.Topology;

/**
 * A job's generalised layer and how it is laid out: what there is to measure.
 *
 * @param layer its sizes
 * @param topology ranks and groups
 * @param gradient elements of one layer's dense gradient that the data-parallel group sums
 */
public record JobShape(LayerShape layer, Topology topology, double gradient) {

  /**
   * Work of one rank in one direction. Every rank of a model-parallel group enters the MoE layer
   * with its own share of the tokens.
   */
  public LayerWorkload workload() {
    double tokens = (double) layer.batch() * layer.sequence();
    double width = layer.modelWidth();
    double slots = layer.capacityFactor() * tokens / topology.nMp();
    double gathered = slots * topology.nEsp() * width;
    double projections = 4 * tokens * width * width / topology.nMp();
    double scores = 2 * tokens * layer.sequence() * width / topology.nMp();
    return new LayerWorkload(
        slots * width,
        gathered,
        2 * gathered * layer.hiddenWidth() / topology.nEsp(),
        projections + scores,
        projections,
        topology.nMp() == 1 ? 0 : tokens * width,
        gradient,
        tokens / topology.nMp() * width);
  }

  /** Matrix products of an expert; n counts two whatever the type, as in the paper. */
  int expertProducts() {
    return layer.expert() == ExpertType.MIXTRAL ? 3 : 2;
  }
}
