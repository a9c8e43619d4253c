package org.sparkmoe.runtime;

import static org.assertj.core.api.Assertions.assertThat;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigValueFactory;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.ShrinkingMode;
import net.jqwik.api.constraints.Size;
import org.sparkmoe.conf.ConfigSource;
import org.sparkmoe.conf.ConfigurationException;

/** Whatever is done to a configuration, it is refused by name or is one that can run. */
class RunConfigFuzzTest {
  private static final String QUICKSTART = read(Path.of("..", "conf", "quickstart.conf"));
  private static final Config VALUES =
      ConfigSource.parse(RunConfig.SECTIONS, QUICKSTART, List.of())
          .effective()
          .withoutPath("spark");
  private static final List<String> KEYS =
      VALUES.entrySet().stream().map(entry -> entry.getKey()).sorted().toList();
  private static final List<Object> HOSTILE =
      List.of(
          -1,
          0,
          Long.MIN_VALUE,
          Long.MAX_VALUE,
          1e308,
          "",
          " ",
          "NaN",
          "-0",
          "../../../etc/passwd",
          "hdfs://",
          "\u0000",
          "x".repeat(10_000),
          List.of(),
          List.of(-1, "x", List.of()),
          Map.of("a", 1));

  private static String read(Path file) {
    try {
      return Files.readString(file);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Provide
  Arbitrary<String> keys() {
    return Arbitraries.of(KEYS);
  }

  @Provide
  Arbitrary<Object> hostile() {
    return Arbitraries.of(HOSTILE);
  }

  @Property(tries = 2_000)
  void aHostileValueIsRefusedByItsKey(@ForAll("keys") String key, @ForAll("hostile") Object value) {
    String hocon = VALUES.withValue(key, ConfigValueFactory.fromAnyRef(value)).root().render();
    try {
      assertThat(bind(hocon)).isNotNull();
    } catch (ConfigurationException refused) {
      assertThat(refused.getMessage()).contains(key);
    }
  }

  @Property(tries = 8_000, shrinking = ShrinkingMode.OFF)
  void mutatedTextIsRefusedOrBinds(@ForAll @Size(min = 1, max = 4) List<Integer> edits) {
    StringBuilder text = new StringBuilder(QUICKSTART);
    edits.forEach(edit -> mutate(text, edit));
    try {
      assertThat(bind(text.toString())).isNotNull();
    } catch (ConfigurationException refused) {
      assertThat(refused.problems()).isNotEmpty().allSatisfy(line -> assertThat(line).isNotBlank());
    }
  }

  private static RunConfig bind(String hocon) {
    return RunConfig.bind(ConfigSource.parse(RunConfig.SECTIONS, hocon, List.of()));
  }

  /** Replaces, inserts or deletes at a place, or doubles what follows it. */
  private static void mutate(StringBuilder text, int edit) {
    String alphabet = "{}[]()=:,.$\"#?+-0129aE \n\\\u00FF";
    int position = (edit >>> 10) % text.length();
    char character = alphabet.charAt((edit >>> 2 & 0xFF) % alphabet.length());
    switch (edit & 3) {
      case 0 -> text.setCharAt(position, character);
      case 1 -> text.insert(position, character);
      case 2 -> text.deleteCharAt(position);
      default ->
          text.insert(position, text.substring(position, Math.min(text.length(), position + 40)));
    }
  }
}
