package org.sparkmoe.conf;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What a configuration may pull in. */
class IncludesTest {
  private static final Set<String> SECTIONS = Set.of("train");

  @TempDir Path directory;

  private ConfigSource load(String hocon) throws IOException {
    Path file = Files.writeString(directory.resolve("run.conf"), hocon);
    return ConfigSource.load(SECTIONS, file, List.of());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "include \"http://127.0.0.1:9/a.conf\"",
        "include url(\"http://127.0.0.1:9/a.conf\")",
        "include required(url(\"https://127.0.0.1:9/a.conf\"))",
        "include url(\"file:/etc/hostname\")",
        "train { include \"ftp://127.0.0.1/a.conf\" }"
      })
  void nothingIsFetchedByAnAddress(String hocon) {
    assertThatThrownBy(() -> load(hocon))
        .isInstanceOf(ConfigurationException.class)
        .hasMessageContaining("is refused, must be a file of this machine");
  }

  @Test
  void aFileOfTheUsersMayIncludeAnother() throws IOException {
    Files.writeString(directory.resolve("base.conf"), "train.steps = 3");
    Path other = Files.writeString(directory.resolve("other.conf"), "train.seed = 4");

    ConfigSource source = load("include \"base.conf\"\ninclude file(\"%s\")\n".formatted(other));

    assertThat(source.effective().getInt("train.steps")).isEqualTo(3);
    assertThat(source.effective().getInt("train.seed")).isEqualTo(4);
  }

  @Test
  void anIncludedFileMayNotGoToTheNetworkEither() throws IOException {
    Files.writeString(directory.resolve("base.conf"), "include url(\"http://127.0.0.1:9/\")");

    assertThatThrownBy(() -> load("include \"base.conf\""))
        .isInstanceOf(ConfigurationException.class)
        .hasMessageContaining("include url(\"http://127.0.0.1:9/\") is refused");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "include \"/etc/passwd\"",
        "include file(\"../../etc/passwd\")",
        "include classpath(\"reference.conf\")",
        "include url(\"http://127.0.0.1:9/\")"
      })
  void aTextMayIncludeNothing(String hocon) {
    assertThatThrownBy(() -> ConfigSource.parse(SECTIONS, hocon, List.of()))
        .isInstanceOf(ConfigurationException.class)
        .hasMessageContaining("is refused, must be left out");
  }

  @ParameterizedTest
  @ValueSource(strings = {" = {a:", " = [[", ".a", " = ${a"})
  void aTextWithoutEndIsRefused(String part) {
    String hocon = "train" + part.repeat(100_000) + (part.equals(".a") ? " = 1" : "");
    assertThatThrownBy(() -> ConfigSource.parse(SECTIONS, hocon, List.of()))
        .isInstanceOf(ConfigurationException.class);
  }

  @Test
  void aFileBeyondMeasureIsRefused() {
    assertThatThrownBy(() -> load("#".repeat((1 << 20) + 1)))
        .isInstanceOf(ConfigurationException.class)
        .hasMessageContaining("must have at most 1048576");
  }
}
