package org.sparkmoe.conf;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A short text must not become one that no memory holds. */
class SubstitutionBoundTest {
  private static final Set<String> SECTIONS = Set.of("x");

  private static ConfigSource read(String hocon) {
    return ConfigSource.parse(SECTIONS, hocon, List.of());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "k%2$d = ${x.k%1$d}${x.k%1$d}",
        "k%2$d = \"${\"${x.k%1$d}${?x.k%1$d}",
        "k%2$d = [${x.k%1$d}, ${x.k%1$d}]",
        "k%2$d { a = ${x.k%1$d}, b = ${x.k%1$d} }",
        "k%2$d = ${x.k%1$d} { a = ${x.k%1$d} }",
        "k0 = ${x.k0}${x.k0}",
        "k%2$d = ${long}z"
      })
  void everyLineDoublesTheOneBefore(String line) {
    String text =
        IntStream.range(0, 60)
            .mapToObj(i -> line.formatted(i, i + 1))
            .collect(Collectors.joining("\n"));

    assertThatThrownBy(
            () ->
                read("long = " + "y".repeat(500_000) + "\nx {\nk0 = { v = boom }\n" + text + "\n}"))
        .isInstanceOf(ConfigurationException.class)
        .hasMessageContaining("x.k")
        .hasMessageContaining("16,777,216 characters once its substitutions are resolved");
  }

  @Test
  void namesInQuotesHideNothing() {
    String text =
        IntStream.range(0, 60)
            .mapToObj(i -> "\"k}%d\" = ${x.\"k}%d\"}${x.\"k}%d\"}".formatted(i + 1, i, i))
            .collect(Collectors.joining("\n"));

    assertThatThrownBy(() -> read("x {\n\"k}0\" = boom\n" + text + "\n}"))
        .isInstanceOf(ConfigurationException.class)
        .hasMessageContaining("characters once its substitutions are resolved");
  }

  @Test
  void ordinarySubstitutionsAreResolved() {
    ConfigSource source =
        read(
            """
            x {
              root = /data
              model = ${x.root}/model
              checkpoints = ${x.model}/checkpoints
              path = a
              path = ${x.path}":b"
              path = ${x.path}":c"
              list = [1]
              list += 2
              list += 3
              section = ${x.other} { own = 2 }
              other { shared = 1 }
              missing = ${?NO_SUCH_VARIABLE}
            }
            """);

    assertThat(source.effective().getString("x.checkpoints")).isEqualTo("/data/model/checkpoints");
    assertThat(source.effective().getString("x.path")).isEqualTo("a:b:c");
    assertThat(source.effective().getIntList("x.list")).containsExactly(1, 2, 3);
    assertThat(source.effective().getInt("x.section.shared")).isEqualTo(1);
  }
}
