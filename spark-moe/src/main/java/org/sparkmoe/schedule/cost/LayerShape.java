package org.sparkmoe.schedule.cost;

/**
 * One transformer layer as the paper configures it (Table 4).
 *
 * @param batch B, samples a rank
 * @param heads attention heads; they do not change the cost
 * @param sequence L, tokens a sample
 * @param modelWidth M
 * @param hiddenWidth H of an expert
 * @param capacityFactor f with k in it: slots per token over all experts
 * @param expert type of the experts
 */
public record LayerShape(
    int batch,
    int heads,
    int sequence,
    int modelWidth,
    int hiddenWidth,
    double capacityFactor,
    ExpertType expert) {

  /**
   * Work of one rank (FSMOE.md §8).
   *
   * @param nMp N_MP, over which the dense parameters are sharded
   * @param nEsp N_ESP, over which each expert is sharded
   */
  public LayerWorkload workload(int nMp, int nEsp) {
    double tokens = (double) batch * sequence;
    double embedding = tokens * modelWidth;
    double routed = capacityFactor * embedding;
    double width = modelWidth;
    // The published formula divides by four whatever the size of the model-parallel group.
    double projections = 4 * embedding * width / 4;
    double scores = 2 * embedding * sequence / 4;
    return new LayerWorkload(
        routed / nEsp,
        routed,
        2 * routed * hiddenWidth / nEsp,
        projections + scores,
        projections,
        embedding,
        (4 * width * width + 3 * width) / nMp + width);
  }

  /** One word, for tables and file names. */
  @Override
  public String toString() {
    return "B%d-heads%d-L%d-M%d-H%d-f%s-%s"
        .formatted(
            batch,
            heads,
            sequence,
            modelWidth,
            hiddenWidth,
            capacityFactor,
            expert == ExpertType.SIMPLE ? "simple" : "mixtral");
  }
}
