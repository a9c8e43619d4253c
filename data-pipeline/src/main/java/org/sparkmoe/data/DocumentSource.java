package org.sparkmoe.data;

import java.util.List;
import java.util.Objects;

/**
 * Where documents are read from: the only source, or one of several.
 *
 * @param key of the configuration, for messages: {@code data} or {@code data.sources.NAME}
 * @param name the name among several; empty for the only one
 * @param description how messages name where the documents are from
 * @param weight its share of the sequences that training sees, in any unit
 */
record DocumentSource(
    String key,
    String name,
    String description,
    List<String> paths,
    String format,
    String textColumn,
    String promptColumn,
    double weight) {

  /** The sources of {@code config}, in the order of their names. */
  static List<DocumentSource> of(DataConfig config) {
    if (config.sources().isEmpty()) {
      return List.of(
          new DocumentSource(
              "data",
              "",
              config.paths().toString(),
              config.paths(),
              config.format(),
              config.textColumn(),
              config.promptColumn(),
              1));
    }
    return config.sources().entrySet().stream()
        .map(entry -> of(config, entry.getKey(), entry.getValue()))
        .toList();
  }

  private static DocumentSource of(DataConfig config, String name, DataSource source) {
    return new DocumentSource(
        "data.sources." + name,
        name,
        "source %s %s".formatted(name, source.paths()),
        source.paths(),
        Objects.requireNonNullElse(source.format(), config.format()),
        Objects.requireNonNullElse(source.textColumn(), config.textColumn()),
        Objects.requireNonNullElse(source.promptColumn(), config.promptColumn()),
        source.weight());
  }

  /** The same under another description. */
  DocumentSource named(String other) {
    return new DocumentSource(key, name, other, paths, format, textColumn, promptColumn, weight);
  }
}
