package org.sparkmoe.data;

import java.io.Serializable;
import java.util.ArrayList;
import java.util.List;

/**
 * Which text to train on and how to cut it into sequences; keys {@code data.*}.
 *
 * @param paths files, directories or globs on any Hadoop file system
 * @param format one of {@link #FORMATS}
 * @param textColumn the column that holds the text, for parquet, json and csv
 * @param promptColumn the column of what stands before the text, read without loss; empty: none
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

  private static final List<String> WITHOUT_COLUMNS = List.of("text", "lines", "archive");

  /**
   * @throws IllegalArgumentException with one line for each invalid value
   */
  public DataConfig {
    paths = List.copyOf(paths);
    List<String> problems = new ArrayList<>();
    check(
        problems,
        !paths.isEmpty() || DATASET.equals(format),
        "paths",
        paths,
        "at least one file, directory or glob");
    check(
        problems, paths.stream().noneMatch(String::isBlank), "paths", paths, "without blank paths");
    check(problems, FORMATS.contains(format), "format", format, "one of " + FORMATS);
    check(problems, !textColumn.isBlank(), "text-column", textColumn, "the name of a column");
    check(
        problems,
        promptColumn.isEmpty() || !WITHOUT_COLUMNS.contains(format),
        "prompt-column",
        promptColumn,
        "empty when data.format is " + format);
    check(
        problems,
        !promptColumn.equals(textColumn),
        "prompt-column",
        promptColumn,
        "another column than data.text-column");
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

  private static void check(
      List<String> problems, boolean valid, String key, Object value, String rule) {
    if (!valid) {
      problems.add("data.%s is \"%s\", must be %s".formatted(key, value, rule));
    }
  }
}
