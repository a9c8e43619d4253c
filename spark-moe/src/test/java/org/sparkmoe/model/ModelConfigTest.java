package org.sparkmoe.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.sparkmoe.tensor.Precision;
import org.sparkmoe.topology.Topology;

class ModelConfigTest {

  @Test
  void allProblemsAreToldAtOnceWithTheirKeys() {
    assertThatThrownBy(
            () ->
                new ModelConfig(
                    Architecture.GPT2,
                    0,
                    10,
                    4,
                    3,
                    -1,
                    0,
                    0,
                    0,
                    -1,
                    true,
                    Double.NaN,
                    "some",
                    "1,2"))
        .isInstanceOf(IllegalArgumentException.class)
        .satisfies(
            failure ->
                assertThat(failure.getMessage().lines())
                    .extracting(line -> line.substring(0, line.indexOf(' ')))
                    .containsExactlyInAnyOrder(
                        "model.layers",
                        "model.head-dim",
                        "model.kv-heads",
                        "model.kv-heads",
                        "model.feed-forward-size",
                        "model.max-sequence-length",
                        "model.rope-theta",
                        "model.norm-epsilon",
                        "model.init-std",
                        "model.moe-layers",
                        "model.pipeline-split"));
    assertThatThrownBy(() -> withHeads(Architecture.MIXTRAL, 9, 3, 0, "all"))
        .hasMessage("model.head-dim is \"0\", must be even for mixtral's rotary positions, not 3");
    assertThatThrownBy(() -> withHeads(Architecture.GPT2, 10, 4, 0, "all"))
        .hasMessage(
            "model.hidden-size is \"10\", must be a multiple of model.heads = 4, or set"
                + " model.head-dim");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {"all|0 1 2 3", "none|''", "every-1|0 1 2 3", "every-2|1 3", "every-3|2", "0, 3|0 3"})
  void moeLayersAreChosenByPatternOrIndex(String pattern, String expected) {
    ModelConfig config = withHeads(Architecture.GPT2, 8, 2, 0, pattern);
    List<String> chosen =
        IntStream.range(0, 4).filter(config::isMoe).mapToObj(Integer::toString).toList();
    assertThat(String.join(" ", chosen)).isEqualTo(expected);
    assertThat(config.moeLayerCount()).isEqualTo(chosen.size());
  }

  @ParameterizedTest
  @CsvSource({"every-0", "every-", "'1,'", "4", "-1", "1;2", "''"})
  void otherPatternsAreRefused(String pattern) {
    assertThatThrownBy(() -> withHeads(Architecture.GPT2, 8, 2, 0, pattern))
        .hasMessage(
            ("model.moe-layers is \"%s\", must be all, none, every-N (the last of every N layers)"
                    + " or indices from 0 to 3 such as \"1,3\"")
                .formatted(pattern));
  }

  @Test
  void layoutsThatDoNotFitAreToldTheirKeys() {
    ModelConfig config = withHeads(Architecture.MIXTRAL, 24, 6, 3, "every-2");
    assertThat(config.layoutProblems(new Topology(3, 3, 3, 1, 1))).isEmpty();
    assertThat(config.layoutProblems(new Topology(4, 4, 4, 1, 1)))
        .containsExactly(
            "model.heads is \"6\", must be a multiple of cluster.mp = 4",
            "model.kv-heads is \"3\", must be a multiple or a divisor of cluster.mp = 4",
            "model.feed-forward-size is \"30\", must be a multiple of cluster.mp = 4");
    assertThat(config.batchProblems(new Topology(4, 4, 4, 1, 1), 1, 65))
        .containsExactly(
            "train.micro-batch × data.sequence-length is \"65\", must be a multiple of"
                + " cluster.mp = 4",
            "data.sequence-length is \"65\", must be at most model.max-sequence-length = 64");
    assertThatThrownBy(
            () ->
                Ranks.run(
                    new Topology(4, 4, 4, 1, 1),
                    groups -> Models.create(config, groups, Precision.F32)))
        .hasRootCauseMessage(String.join("\n", config.layoutProblems(new Topology(4, 4, 4, 1, 1))));
  }

  @Test
  void sizesCountTheWholeModelWhateverTheLayout() {
    // V·M + L·M + 2 layers of qkv, output, 4 norms and biases; then up, down and experts.
    int v = Models.VOCABULARY;
    int m = Models.WIDTH;
    int attention = 4 * m * m + 4 * m;
    int norms = 4 * m;
    int feedForward = 2 * m * 12 + 12 + m;
    int expert = 2 * m * 8 + 8 + m;
    int gate = 4 * m;
    int rest = v * m + 8 * m + 2 * (attention + norms) + 2 * m + feedForward + gate;
    ModelConfig config = Models.config(Architecture.GPT2, "1", true);
    for (Topology topology : List.of(Topology.single(), new Topology(4, 4, 2, 2, 2))) {
      for (ModelSize size :
          Ranks.run(topology, groups -> Models.create(config, groups, Precision.F32).size())) {
        assertThat(size.parameters()).isEqualTo(rest + 4L * expert);
        assertThat(size.activeParameters()).isEqualTo(rest + 2L * expert);
        assertThat(size.trainingFlopsPerToken(6))
            .isEqualTo(
                6.0 * (v * m + 2 * 4 * m * m + 2 * m * 12 + gate + 2 * 2 * m * 8)
                    + 12.0 * 2 * m * 6);
      }
    }
  }

  private static ModelConfig withHeads(
      Architecture architecture, int width, int heads, int keyValueHeads, String moeLayers) {
    return new ModelConfig(
        architecture,
        4,
        width,
        heads,
        keyValueHeads,
        0,
        30,
        64,
        1e4,
        1e-5,
        true,
        0.02,
        moeLayers,
        "balanced");
  }
}
