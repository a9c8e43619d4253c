package org.sparkmoe.train;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.bytedeco.pytorch.AutoGradMode;
import org.bytedeco.pytorch.Device;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.sparkmoe.model.Architecture;
import org.sparkmoe.model.LanguageModel;
import org.sparkmoe.model.ModelConfig;
import org.sparkmoe.moe.MoeConfig;
import org.sparkmoe.tensor.HostReads;
import org.sparkmoe.tensor.Parameter;
import org.sparkmoe.tensor.ParameterInitializer;
import org.sparkmoe.tensor.Precision;
import org.sparkmoe.tensor.TensorScope;
import org.sparkmoe.topology.RankGroups;

/**
 * Parameters on {@code meta}, libtorch's device without memory. Like a GPU it refuses elementwise
 * operators that meet tensors of the host, and it refuses all reads, where a GPU would let the host
 * wait. Embedding, norms, attention, gates and orders take operators that libtorch has not for it.
 */
class OtherDeviceTest {
  private static final Device META = new Device("meta");

  private static LanguageModel model(Architecture architecture, Precision precision) {
    boolean gpt2 = architecture == Architecture.GPT2;
    MoeConfig experts = gpt2 ? MoeConfig.of(4, 2, 16) : MoeConfig.dropless(4, 2, 16);
    return LanguageModel.create(
        new ModelConfig(
            architecture, 2, 8, 4, gpt2 ? 0 : 2, 0, 12, 8, 100, 1e-5, true, 0.3, "1", "balanced"),
        experts,
        13,
        RankGroups.single(),
        new ParameterInitializer(3, precision, META));
  }

  @ParameterizedTest
  @CsvSource({"GPT2,F32", "GPT2,F64", "GPT2,BF16", "MIXTRAL,F32", "MIXTRAL,F64", "MIXTRAL,BF16"})
  void expertsStayThereForwardAndBackward(Architecture architecture, Precision precision) {
    try (TensorScope scope = TensorScope.open();
        AutoGradMode off = new AutoGradMode(false)) {
      LanguageModel model = model(architecture, precision);
      long before = HostReads.count();
      ModelTrials.of(model).expert(12).both().run();
      assertThat(HostReads.count()).isEqualTo(before);
      List<Parameter> reached =
          model.parameters().stream().filter(p -> p.value().grad().defined()).toList();
      assertThat(reached).hasSize(architecture == Architecture.GPT2 ? 4 : 3);
      assertThat(reached).allMatch(parameter -> parameter.value().grad().is_meta());
    }
  }

  @ParameterizedTest
  @EnumSource(Precision.class)
  void theOptimizerAndTheNormOfGradientsStayThere(Precision precision) {
    try (TensorScope scope = TensorScope.open();
        AutoGradMode off = new AutoGradMode(false)) {
      List<ParameterGroup> groups =
          ParameterGroup.of(model(Architecture.MIXTRAL, precision).parameters());
      Gradients gradients = new Gradients(groups, RankGroups.single(), null);
      gradients.clear();
      gradients.sumOverReplicas();
      assertThat(gradients.ownedSquaredNorm().is_meta()).isTrue();
      new AdamW(TrainConfigs.of(20, 2)).update(groups, 1, 0.01, 0.5);
      assertThat(groups).allMatch(group -> group.values().is_meta());
      groups.forEach(ParameterGroup::close);
    }
  }

  @Test
  void copiesForCheckpointsAreMadeOnTheHost() {
    try (TensorScope scope = TensorScope.open()) {
      List<ParameterGroup> groups =
          ParameterGroup.of(model(Architecture.MIXTRAL, Precision.F32).parameters());
      try (StateSnapshot snapshot = new StateSnapshot(groups)) {
        for (ParameterGroup group : groups) {
          Tensor copy = snapshot.flat(group, StatePart.VALUE);
          assertThat(copy.is_cpu()).isTrue();
          assertThat(copy.numel()).isEqualTo(group.values().numel());
        }
      }
      groups.forEach(ParameterGroup::close);
    }
  }
}
