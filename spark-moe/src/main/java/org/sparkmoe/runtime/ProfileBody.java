package org.sparkmoe.runtime;

import org.sparkmoe.model.LanguageModel;
import org.sparkmoe.tensor.ParameterInitializer;
import org.sparkmoe.topology.RankGroups;
import org.sparkmoe.train.JobProfile;
import org.sparkmoe.train.TrainingListener;

/**
 * What a rank does to profile a run.
 *
 * @param config the whole configuration
 */
record ProfileBody(RunConfig config) implements RankBody<String> {

  /** Embedding and output head take no part, so that no tokenizer has to be read. */
  private static final int UNMEASURED_VOCABULARY = 2;

  @Override
  public Loaded<String> load(RankData data) {
    return new Rank(config);
  }

  private record Rank(RunConfig config) implements Loaded<String> {

    @Override
    public String run(RankGroups groups, TrainingListener listener) {
      ParameterInitializer initializer =
          new ParameterInitializer(
              config.train().seed(),
              config.train().precision(),
              RankDevice.here(config.device()).device());
      try (LanguageModel model =
          LanguageModel.create(
              config.model(), config.moe(), UNMEASURED_VOCABULARY, groups, initializer)) {
        if (groups.rank() == 0) {
          listener.measuring();
        }
        JobProfile measured = JobProfile.measure(config.layerShape(), groups, model);
        return measured.profile().asTestbed(measured.job());
      }
    }

    @Override
    public void close() {}
  }
}
