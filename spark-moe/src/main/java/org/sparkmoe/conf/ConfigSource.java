package org.sparkmoe.conf;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigException;
import com.typesafe.config.ConfigFactory;
import com.typesafe.config.ConfigOriginFactory;
import com.typesafe.config.ConfigParseOptions;
import com.typesafe.config.ConfigRenderOptions;
import com.typesafe.config.ConfigUtil;
import com.typesafe.config.ConfigValue;
import com.typesafe.config.ConfigValueFactory;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * A configuration before it is bound: assignments over the user's file over the defaults in {@code
 * reference.conf}. Substitutions are resolved after that, so that a default such as {@code
 * ${cluster.ranks}} follows what the user sets; they see Java's system properties and the
 * environment as well.
 *
 * @param effective everything
 * @param defaults {@code reference.conf} alone
 */
public record ConfigSource(Config effective, Config defaults) {
  private static final long MAX_BYTES = 1 << 20;

  /**
   * Reads and merges.
   *
   * @param sections the top-level keys that are ours; those of other libraries' {@code
   *     reference.conf} are left aside
   * @param file the user's file, if there is one
   * @param assignments texts {@code key=value}; later ones win. A value in brackets, braces or
   *     quotes is read as HOCON, any other as it stands
   * @throws ConfigurationException if the file cannot be read, is not HOCON, includes what is not a
   *     file of this machine or has substitutions without bound, or an assignment has no {@code =}
   */
  public static ConfigSource load(
      Set<String> sections, @Nullable Path file, List<String> assignments) {
    return bounded(
        () -> {
          Config reference = only(sections, ConfigFactory.defaultReferenceUnresolved());
          Config user = file == null ? ConfigFactory.empty() : parse(file);
          return resolve(assign(assignments).withFallback(user).withFallback(reference), reference);
        });
  }

  /**
   * The same for HOCON text, as a program or a model directory has it.
   *
   * @throws ConfigurationException if it is not HOCON or includes something, or an assignment has
   *     no {@code =}
   */
  public static ConfigSource parse(Set<String> sections, String hocon, List<String> assignments) {
    return bounded(
        () -> {
          Config reference = only(sections, ConfigFactory.defaultReferenceUnresolved());
          Config user = parse(hocon);
          return resolve(assign(assignments).withFallback(user).withFallback(reference), reference);
        });
  }

  private static Config parse(String hocon) {
    try {
      return ConfigFactory.parseString(
          hocon, ConfigParseOptions.defaults().setIncluder(LocalIncludes.ofText()));
    } catch (ConfigException e) {
      throw new ConfigurationException(List.of("the configuration is not HOCON: " + message(e)));
    }
  }

  /** The library descends into a value by recursion, so that its depth is bounded by the stack. */
  private static ConfigSource bounded(Supplier<ConfigSource> work) {
    try {
      return work.get();
    } catch (StackOverflowError e) {
      throw new ConfigurationException(
          List.of("the configuration is nested too deeply: sections of sections of sections …"));
    }
  }

  /** HOCON text with the comments of {@code reference.conf}, which {@link #load} reads back. */
  public String render() {
    return effective
        .root()
        .render(
            ConfigRenderOptions.defaults()
                .setOriginComments(false)
                .setComments(true)
                .setFormatted(true)
                .setJson(false));
  }

  private static Config parse(Path file) {
    if (!Files.isReadable(file) || Files.isDirectory(file)) {
      throw new ConfigurationException(
          List.of("--conf is \"%s\", must be a readable file".formatted(file)));
    }
    try {
      if (Files.size(file) > MAX_BYTES) {
        throw new ConfigurationException(
            List.of(
                "--conf is \"%s\" of %d bytes, must have at most %d"
                    .formatted(file, Files.size(file), MAX_BYTES)));
      }
      return ConfigFactory.parseFile(
          file.toFile(),
          ConfigParseOptions.defaults().setAllowMissing(false).setIncluder(LocalIncludes.ofFile()));
    } catch (IOException e) {
      throw new ConfigurationException(
          List.of("--conf is \"%s\", must be a readable file: %s".formatted(file, e)));
    } catch (ConfigException e) {
      throw new ConfigurationException(List.of("%s is not HOCON: %s".formatted(file, message(e))));
    }
  }

  private static Config assign(List<String> assignments) {
    Config config = ConfigFactory.empty();
    List<String> problems = new ArrayList<>();
    for (String assignment : assignments) {
      int equals = assignment.indexOf('=');
      if (equals < 1) {
        problems.add("--set is \"%s\", must be key=value".formatted(assignment));
        continue;
      }
      String key = assignment.substring(0, equals).strip();
      try {
        String origin = "--set " + key;
        ConfigValue value = value(assignment.substring(equals + 1).strip(), origin);
        config = ConfigFactory.parseMap(Map.of(key, value), origin).withFallback(config);
      } catch (ConfigException e) {
        problems.add("--set %s is not HOCON: %s".formatted(assignment, message(e)));
      }
    }
    if (!problems.isEmpty()) {
      throw new ConfigurationException(problems);
    }
    return config;
  }

  private static ConfigValue value(String text, String origin) {
    boolean hocon = text.startsWith("[") || text.startsWith("{") || text.startsWith("\"");
    return hocon
        ? ConfigFactory.parseString("value = " + text)
            .getValue("value")
            .withOrigin(ConfigOriginFactory.newSimple(origin))
        : ConfigValueFactory.fromAnyRef(text, origin);
  }

  private static ConfigSource resolve(Config effective, Config reference) {
    Config system = ConfigFactory.systemProperties();
    for (String key : effective.root().keySet()) {
      // spark-submit passes spark.* as system properties, which are not part of our section spark.
      system = system.withoutPath(ConfigUtil.quoteString(key));
    }
    try {
      Config all = effective.withFallback(system);
      SubstitutionBound.check(all, effective.root().keySet());
      Config resolved = all.resolve();
      Config defaults = reference.withFallback(system).resolve();
      return new ConfigSource(
          only(effective.root().keySet(), resolved), only(reference.root().keySet(), defaults));
    } catch (ConfigException e) {
      throw new ConfigurationException(List.of(message(e)));
    }
  }

  private static Config only(Set<String> keys, Config config) {
    Config result = config;
    for (String key : config.root().keySet()) {
      result = keys.contains(key) ? result : result.withoutPath(ConfigUtil.quoteString(key));
    }
    return result;
  }

  private static String message(ConfigException e) {
    return String.valueOf(e.getMessage());
  }
}
