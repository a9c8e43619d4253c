package org.sparkmoe.data;

import java.io.Serializable;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;

/**
 * Which text to train on and how to cut it into sequences; keys {@code data.*}.
 *
 * @param paths files, directories or globs on any Hadoop file system
 * @param format one of {@link #FORMATS}
 * @param textColumn the column that holds the text, for parquet, json and csv
 * @param promptColumn the column of what stands before the text, read without loss; empty: none
 * @param sources several sources by name, instead of {@code paths}
 * @param tokenizer {@code byte}, {@code gpt2} or the path of a Hugging Face {@code tokenizer.json}
 * @param sequenceLength L, tokens predicted in a sequence; rows hold L + 1 tokens
 * @param validationFraction share of documents held out, by document hash
 * @param seed decides the split and the order of sequences
 * @param spoolMemoryBytes bytes of a rank's sequences kept in memory; the rest goes to a local file
 * @param spoolDirectory local directory of that file
 * @param maxDocuments documents used, the first by hash; 0 takes all
 */
public record DataConfig(
    List<String> paths,
    String format,
    String textColumn,
    String promptColumn,
    Map<String, DataSource> sources,
    String tokenizer,
    int sequenceLength,
    double validationFraction,
    long seed,
    long spoolMemoryBytes,
    String spoolDirectory,
    int maxDocuments)
    implements Serializable {

  static final String DATASET = "dataset";

  /**
   * {@code auto} goes by the file names; {@code text} takes a file as one document, {@code lines} a
   * line; {@code archive} an entry of a jar or zip file; {@code prepared} is what {@link
   * PreparedData#write} left; {@code dataset} are rows that a program passes, without paths.
   */
  public static final List<String> FORMATS =
      List.of("auto", "text", "lines", "archive", "parquet", "json", "csv", "prepared", DATASET);

  private static final List<String> WITHOUT_SOURCES = List.of("prepared", DATASET);
  private static final List<String> WITHOUT_COLUMNS = List.of("text", "lines", "archive");

  /**
   * @throws IllegalArgumentException with one line for each invalid value
   */
  public DataConfig {
    paths = List.copyOf(paths);
    sources = Collections.unmodifiableMap(new TreeMap<>(sources));
    List<String> problems = new ArrayList<>();
    if (sources.isEmpty()) {
      check(
          problems,
          !paths.isEmpty() || DATASET.equals(format),
          "paths",
          paths,
          "at least one file, directory or glob");
    } else {
      check(problems, paths.isEmpty(), "paths", paths, "[] when there are data.sources");
      check(
          problems,
          !WITHOUT_SOURCES.contains(format),
          "format",
          format,
          "another when there are data.sources");
    }
    check(problems, FORMATS.contains(format), "format", format, "one of " + FORMATS);
    checkReading(problems, "", paths, format, textColumn, promptColumn);
    for (Map.Entry<String, DataSource> entry : sources.entrySet()) {
      checkSource(problems, entry.getKey(), entry.getValue(), textColumn, promptColumn);
    }
    check(
        problems,
        !tokenizer.isBlank(),
        "tokenizer",
        tokenizer,
        "byte, gpt2 or the path of a tokenizer.json");
    check(problems, sequenceLength >= 1, "sequence-length", sequenceLength, "at least 1");
    check(
        problems,
        validationFraction > 0 && validationFraction < 1,
        "validation-fraction",
        validationFraction,
        "above 0 and below 1");
    check(problems, spoolMemoryBytes >= 0, "spool-memory-bytes", spoolMemoryBytes, "at least 0");
    check(
        problems,
        !spoolDirectory.isBlank(),
        "spool-directory",
        spoolDirectory,
        "the name of a local directory");
    check(problems, maxDocuments >= 0, "max-documents", maxDocuments, "at least 0 (0 takes all)");
    check(
        problems,
        !"prepared".equals(format) || paths.size() == 1,
        "paths",
        paths,
        "one directory when data.format is prepared");
    if (!problems.isEmpty()) {
      throw new IllegalArgumentException(String.join("\n", problems));
    }
  }

  private static void checkSource(
      List<String> problems,
      String name,
      DataSource source,
      String textColumn,
      String promptColumn) {
    String key = "sources." + name + ".";
    List<String> formats = FORMATS.stream().filter(f -> !WITHOUT_SOURCES.contains(f)).toList();
    check(problems, !name.isBlank(), "sources", name, "a section with names that are not blank");
    check(
        problems,
        source.weight() > 0 && Double.isFinite(source.weight()),
        key + "weight",
        source.weight(),
        "above 0: leave the source out if it is not to be trained on");
    check(
        problems,
        !source.paths().isEmpty(),
        key + "paths",
        source.paths(),
        "at least one file, directory or glob");
    String format = Objects.requireNonNullElse(source.format(), "auto");
    check(problems, formats.contains(format), key + "format", format, "one of " + formats);
    checkReading(
        problems,
        key,
        source.paths(),
        format,
        Objects.requireNonNullElse(source.textColumn(), textColumn),
        Objects.requireNonNullElse(source.promptColumn(), promptColumn));
  }

  private static void checkReading(
      List<String> problems,
      String key,
      List<String> paths,
      String format,
      String textColumn,
      String promptColumn) {
    check(
        problems,
        paths.stream().noneMatch(String::isBlank),
        key + "paths",
        paths,
        "without blank paths");
    check(problems, !textColumn.isBlank(), key + "text-column", textColumn, "the name of a column");
    check(
        problems,
        promptColumn.isEmpty() || !WITHOUT_COLUMNS.contains(format),
        key + "prompt-column",
        promptColumn,
        "empty when data.%sformat is %s".formatted(key, format));
    check(
        problems,
        !promptColumn.equals(textColumn),
        key + "prompt-column",
        promptColumn,
        "another column than data.%stext-column".formatted(key));
  }

  private static void check(
      List<String> problems, boolean valid, String key, Object value, String rule) {
    if (!valid) {
      problems.add("data.%s is \"%s\", must be %s".formatted(key, value, rule));
    }
  }
}
