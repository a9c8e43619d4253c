package org.sparkmoe.train;

import org.sparkmoe.model.LanguageModel;
import org.sparkmoe.profile.JobShape;
import org.sparkmoe.profile.Profile;
import org.sparkmoe.profile.Profiler;
import org.sparkmoe.schedule.cost.LayerShape;
import org.sparkmoe.tensor.Parameter;
import org.sparkmoe.topology.RankGroups;

/**
 * What the modules and communicators of a training job cost, for planning it elsewhere.
 *
 * @param job what was measured
 * @param profile the fitted models
 */
public record JobProfile(JobShape job, Profile profile) {

  /**
   * Measures as training does before its first step. Collective over the pipeline stage; the same
   * on each of its ranks.
   *
   * @param layer sizes of the model's layers, with the batch of one micro-batch
   * @param model with at least one MoE layer
   */
  public static JobProfile measure(LayerShape layer, RankGroups groups, LanguageModel model) {
    JobShape job = new JobShape(layer, groups.topology(), denseGradient(model));
    return new JobProfile(job, Profiler.measure(job, groups, ModelTrials.of(model)));
  }

  /** Elements of the gradient that data-parallel ranks sum, a MoE layer. */
  private static double denseGradient(LanguageModel model) {
    long elements =
        model.parameters().stream()
            .filter(parameter -> parameter.replication() == Parameter.Replication.DATA)
            .filter(parameter -> parameter.name().startsWith("layers."))
            .mapToLong(parameter -> parameter.value().numel())
            .sum();
    return (double) elements / model.moeLayers().size();
  }
}
