package org.sparkmoe.conf;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ConfigBinderTest {
  private static final String DEFAULTS =
      """
      kitchen {
        # How many.
        ovens = 2
        # How hot, degrees Celsius.
        max-heat = 250.5
        # Open to guests.
        open = true
        name = main
        style = french
        rest-time = 30s
        dishes = [soup, bread]
        # Follows the number of ovens.
        cooks = ${kitchen.ovens}
        cellar { bottles = 5000000000 }
        labels { "front.door" = blue, back = red }
      }
      """;
  private static final Config REFERENCE = ConfigFactory.parseString(DEFAULTS);

  enum Style {
    FRENCH,
    SLOW_FOOD
  }

  record Cellar(long bottles) {
    Cellar {
      if (bottles < 0) {
        throw new IllegalArgumentException(
            "kitchen.cellar.bottles is %d, must be at least 0".formatted(bottles));
      }
    }
  }

  record Kitchen(
      int ovens,
      double maxHeat,
      boolean open,
      String name,
      Style style,
      Duration restTime,
      List<String> dishes,
      int cooks,
      Cellar cellar,
      Map<String, String> labels) {
    Kitchen {
      List<String> problems = new ArrayList<>();
      if (ovens < 1) {
        problems.add("ovens is %d, must be at least 1".formatted(ovens));
      }
      if (name.isBlank()) {
        problems.add("name is \"\", must not be blank");
      }
      if (!problems.isEmpty()) {
        throw new IllegalArgumentException(String.join("\n", problems));
      }
    }
  }

  record Root(Kitchen kitchen) {}

  record Guest(String name, int seats, @Nullable String dish) {
    Guest {
      if (seats < 1) {
        throw new IllegalArgumentException("seats is %d, must be at least 1".formatted(seats));
      }
    }
  }

  record Party(Map<String, Guest> tables) {}

  private static Party bindParty(String user) {
    Config reference = ConfigFactory.parseString("tables {}");
    return ConfigBinder.bind(
        new ConfigSource(ConfigFactory.parseString(user).withFallback(reference), reference),
        Party.class);
  }

  @Test
  void sectionsOfNamesThatTheUserGivesAreRecordsByName() {
    assertThat(bindParty("").tables()).isEmpty();
    Party party =
        bindParty(
            """
            tables { window { name = Ann, seats = 2 }, "by the door" { name = Bo, seats = 1, dish = soup } }
            tables.window.seats = 3
            """);
    assertThat(party.tables())
        .containsExactly(
            Map.entry("by the door", new Guest("Bo", 1, "soup")),
            Map.entry("window", new Guest("Ann", 3, null)));
  }

  @Test
  void problemsOfNamedSectionsNameThem() {
    assertThatThrownBy(
            () ->
                bindParty(
                    """
                    tables {
                      a { name = Ann, seats = 0 }
                      b { seats = some, dsh = soup }
                      c = 3
                    }
                    """))
        .isInstanceOfSatisfying(
            ConfigurationException.class,
            e ->
                assertThat(e.problems().stream().map(ConfigBinderTest::withoutOrigin))
                    .containsExactlyInAnyOrder(
                        "tables.a.seats is 0, must be at least 1",
                        "tables.b.name is missing",
                        "tables.b.seats is \"some\", must be a whole number from -2147483648 to"
                            + " 2147483647",
                        "tables.b.dsh is not a key, did you mean tables.b.dish?",
                        "tables.c is \"3\", must be a section { … }"));
    assertThatThrownBy(() -> bindParty("tables = [{ name = Ann, seats = 1 }]"))
        .hasMessageContaining("must be a section { name { … } }");
  }

  private static Kitchen bind(String user) {
    Config effective = ConfigFactory.parseString(user).withFallback(REFERENCE).resolve();
    return ConfigBinder.bind(new ConfigSource(effective, REFERENCE.resolve()), Root.class)
        .kitchen();
  }

  @Test
  void defaultsComeFromTheReferenceFile() {
    assertThat(bind(""))
        .isEqualTo(
            new Kitchen(
                2,
                250.5,
                true,
                "main",
                Style.FRENCH,
                Duration.ofSeconds(30),
                List.of("soup", "bread"),
                2,
                new Cellar(5_000_000_000L),
                Map.of("front.door", "blue", "back", "red")));
  }

  @Test
  void everyKeyIsMappedToItsComponent() {
    Kitchen kitchen =
        bind(
            """
            kitchen {
              ovens = "3", max-heat = 1e2, open = no, name = garden, style = slow-food
              rest-time = 2m, dishes = stew, cellar.bottles = 7, labels.side.gate = green
            }
            """);
    assertThat(kitchen)
        .isEqualTo(
            new Kitchen(
                3,
                100,
                false,
                "garden",
                Style.SLOW_FOOD,
                Duration.ofMinutes(2),
                List.of("stew"),
                3,
                new Cellar(7),
                Map.of("front.door", "blue", "back", "red", "side.gate", "green")));
  }

  @Test
  void allProblemsAreReportedTogether() {
    assertThatThrownBy(
            () ->
                bind(
                    """
                    kitchen {
                      ovens = 0
                      oven = 2
                      max-heat = hot
                      open = perhaps
                      name = " "
                      style = greek
                      rest-time = 30
                      cooks = 1.5
                      cellar { bottles = -1, botles = 2 }
                    }
                    kitchn { }
                    """))
        .isInstanceOfSatisfying(
            ConfigurationException.class,
            e ->
                assertThat(e.problems().stream().map(ConfigBinderTest::withoutOrigin))
                    .containsExactlyInAnyOrder(
                        "kitchen.ovens is 0, must be at least 1",
                        "kitchen.name is \"\", must not be blank",
                        "kitchen.oven is not a key, did you mean kitchen.ovens?",
                        "kitchen.max-heat is \"hot\", must be a number",
                        "kitchen.open is \"perhaps\", must be true or false",
                        "kitchen.style is \"greek\", must be one of [french, slow-food]",
                        "kitchen.rest-time is \"30\", must be a duration with its unit, such as"
                            + " 500ms, 30s or 2m",
                        "kitchen.cooks is \"1.5\", must be a whole number from -2147483648 to"
                            + " 2147483647",
                        "kitchen.cellar.bottles is -1, must be at least 0",
                        "kitchen.cellar.botles is not a key, did you mean kitchen.cellar.bottles?",
                        "kitchn is not a key, did you mean kitchen?"));
  }

  private static String withoutOrigin(String problem) {
    return problem.replaceAll(" \\(.*?\\)$", "");
  }

  @Test
  void aKeyOfAnotherSectionIsFoundThere() {
    assertThatThrownBy(() -> bind("bottles = 3"))
        .hasMessageContaining("bottles is not a key, did you mean kitchen.cellar.bottles?");
  }

  @Test
  void theProblemTellsTheLine(@TempDir Path directory) throws Exception {
    Path file = Files.writeString(directory.resolve("my.conf"), "kitchen {\n  ovens = many\n}\n");
    Config user = ConfigFactory.parseFile(file.toFile());
    ConfigSource source =
        new ConfigSource(user.withFallback(REFERENCE).resolve(), REFERENCE.resolve());
    assertThatThrownBy(() -> ConfigBinder.bind(source, Root.class))
        .hasMessageContaining("my.conf: 2)");
  }

  @Test
  void assignmentsWinOverTheFileAndTheFileOverDefaults(@TempDir Path directory) throws Exception {
    Path file = Files.writeString(directory.resolve("a.conf"), "spark { a = file, b = file }");
    ConfigSource source =
        ConfigSource.load(
            Set.of("spark"), file, List.of("spark.b=set", "spark.c=hdfs://host:9000//x # y"));
    assertThat(source.effective().getString("spark.a")).isEqualTo("file");
    assertThat(source.effective().getString("spark.b")).isEqualTo("set");
    assertThat(source.effective().getString("spark.c")).isEqualTo("hdfs://host:9000//x # y");
  }

  @Test
  void theRenderedConfigurationIsReadBack(@TempDir Path directory) throws Exception {
    Config effective =
        ConfigFactory.parseString("kitchen.ovens = 9").withFallback(REFERENCE).resolve();
    String text = new ConfigSource(effective, REFERENCE.resolve()).render();
    Path file = Files.writeString(directory.resolve("effective.conf"), text);
    assertThat(text).contains("# How hot, degrees Celsius.");
    assertThat(ConfigFactory.parseFile(file.toFile())).isEqualTo(effective);
  }

  @Test
  void anUnreadableFileAndAnAssignmentWithoutValueAreRefused(@TempDir Path directory) {
    assertThatThrownBy(() -> ConfigSource.load(Set.of(), directory.resolve("none.conf"), List.of()))
        .isInstanceOf(ConfigurationException.class)
        .hasMessageContaining("--conf is")
        .hasMessageContaining("must be a readable file");
    assertThatThrownBy(() -> ConfigSource.load(Set.of(), null, List.of("kitchen.ovens")))
        .isInstanceOf(ConfigurationException.class)
        .hasMessageContaining("--set is \"kitchen.ovens\", must be key=value");
  }
}
