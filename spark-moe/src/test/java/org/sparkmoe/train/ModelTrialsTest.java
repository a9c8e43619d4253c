package org.sparkmoe.train;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.bytedeco.pytorch.AutoGradMode;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Test;
import org.sparkmoe.model.LanguageModel;
import org.sparkmoe.model.Ranks;
import org.sparkmoe.profile.ComputeTrials.Trial;
import org.sparkmoe.tensor.TensorScope;
import org.sparkmoe.topology.RankGroups;
import org.sparkmoe.topology.Topology;

class ModelTrialsTest {

  @Test
  void timingTheModelsModulesLeavesWeightsAndGradientsAsTheyAre() {
    List<Boolean> untouched =
        Ranks.run(new Topology(2, 1, 2, 1, 2), ModelTrialsTest::runsWithoutATrace);
    assertThat(untouched).containsExactly(true, true);
  }

  private static boolean runsWithoutATrace(RankGroups groups) {
    TrainConfig config = TrainConfigs.of(1, 2);
    LanguageModel model = TrainingFixture.model(groups, config, TrainingFixture.WIDTH);
    List<ParameterGroup> parameters = ParameterGroup.of(model.parameters());
    ModelTrials trials =
        new ModelTrials(
            model.moeLayers().get(0),
            model.attentionTrial(),
            model.flow().routingTrial(),
            model.activations());
    try (TensorScope scope = TensorScope.open();
        AutoGradMode off = new AutoGradMode(false)) {
      List<Tensor> before = parameters.stream().map(group -> group.values().clone()).toList();
      for (Trial trial :
          List.of(
              trials.expert(24),
              trials.attention(2, 8),
              trials.gate(24),
              trials.inverseOrder(24))) {
        trial.forward().run();
        trial.both().run();
      }
      boolean same = true;
      for (int i = 0; i < parameters.size(); i++) {
        same &= parameters.get(i).values().equal(before.get(i));
        same &= parameters.get(i).gradients().count_nonzero().item_long() == 0;
      }
      return same;
    } finally {
      parameters.forEach(ParameterGroup::close);
    }
  }
}
