package org.sparkmoe.runtime;

import org.sparkmoe.profile.JobShape;
import org.sparkmoe.profile.Profile;
import org.sparkmoe.profile.Profiler;
import org.sparkmoe.topology.RankGroups;
import org.sparkmoe.topology.Topology;
import org.sparkmoe.train.TrainingListener;

/**
 * What a rank does to profile a run.
 *
 * @param config the whole configuration
 */
record ProfileBody(RunConfig config) implements RankBody<String> {

  @Override
  public Loaded<String> load(RankData data) {
    return new Rank(config);
  }

  private record Rank(RunConfig config) implements Loaded<String> {

    @Override
    public String run(RankGroups groups, TrainingListener listener) {
      Topology topology = groups.topology();
      double width = config.model().hiddenSize();
      double gradient = 4 * width * width / topology.nMp();
      JobShape job = new JobShape(config.layerShape(), topology, gradient);
      Profile profile = Profiler.measure(job, groups);
      return profile.asTestbed(job);
    }

    @Override
    public void close() {}
  }
}
