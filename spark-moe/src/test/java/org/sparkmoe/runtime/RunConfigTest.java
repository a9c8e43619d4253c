package org.sparkmoe.runtime;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.sparkmoe.conf.ConfigSource;
import org.sparkmoe.conf.ConfigurationException;

class RunConfigTest {
  private static final Path QUICKSTART = Path.of("..", "conf", "quickstart.conf");

  private static RunConfig bind(String hocon) {
    return RunConfig.bind(ConfigSource.parse(RunConfig.SECTIONS, hocon, List.of()));
  }

  @Test
  void onlyTheDataHaveNoDefault() {
    assertThatThrownBy(() -> bind(""))
        .isInstanceOfSatisfying(
            ConfigurationException.class,
            e ->
                assertThat(e.problems())
                    .singleElement()
                    .asString()
                    .startsWith("data.paths is \"[]\", must be at least one file"));
    assertThat(bind("data.paths = text").output())
        .isEqualTo(new OutputConfig("models/spark-moe", "package org.apache.spark", 200, false));
  }

  @Test
  void theQuickstartIsValidAndReadsBackFromAModelDirectory() {
    ConfigSource source = ConfigSource.load(RunConfig.SECTIONS, QUICKSTART, List.of());
    RunConfig config = RunConfig.bind(source);
    assertThat(config.spark()).containsEntry("master", "local[2]");
    assertThat(bind(source.render())).isEqualTo(config);
  }

  @Test
  void outputIsMappedAndValidated() {
    assertThat(
            bind("data.paths = t, output { directory = d, prompt = p, sample-tokens = 0 }")
                .output())
        .isEqualTo(new OutputConfig("d", "p", 0, false));
    assertThatThrownBy(
            () ->
                bind(
                    "data.paths = t, output { directory = \"\", prompt = \"\", sample-tokens = -1 }"))
        .hasMessageContaining("output.directory is blank")
        .hasMessageContaining("output.prompt is empty")
        .hasMessageContaining("output.sample-tokens is -1, must be at least 0");
  }

  @Test
  void whatDoesNotFitTogetherIsToldTogether() {
    String hocon =
        """
        data { paths = t, sequence-length = 64 }
        model { heads = 6, hidden-size = 96, max-sequence-length = 32 }
        moe { experts = 6, hidden-size = 7 }
        train { global-batch = 12, micro-batch = 4 }
        cluster { ranks = 8, mp = 4, ep = 4, esp = 2 }
        """;
    assertThatThrownBy(() -> bind(hocon))
        .hasMessageContaining("model.heads is \"6\", must be a multiple of cluster.mp = 4")
        .hasMessageContaining("must be at most model.max-sequence-length = 32")
        .hasMessageContaining("moe.experts is 6, must be a multiple of cluster.ep = 4")
        .hasMessageContaining("moe.hidden-size is 7, must be a multiple of cluster.esp = 2")
        .hasMessageContaining("train.global-batch is \"12\", must be a multiple of 8");
  }
}
