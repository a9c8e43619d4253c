package org.sparkmoe.app;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** The configuration {@code tiny.conf} on the sources of this module, and what training leaves. */
final class TinyModel {
  static final Path CONF = Path.of("src", "test", "resources", "tiny.conf").toAbsolutePath();
  static final Path TEXT = Path.of("src", "main", "java").toAbsolutePath();

  private TinyModel() {}

  /** Arguments of {@code train} for a model in {@code directory}. */
  static List<String> train(Path directory, String... more) {
    return trainOn(TEXT, directory, more);
  }

  /** The same on another text. */
  static List<String> trainOn(Path text, Path directory, String... more) {
    List<String> arguments = new ArrayList<>(List.of("train", "--conf", CONF.toString()));
    set(arguments, "data.paths=" + text);
    set(arguments, "output.directory=" + directory);
    arguments.addAll(List.of(more));
    return arguments;
  }

  private static void set(List<String> arguments, String assignment) {
    arguments.add("--set");
    arguments.add(assignment);
  }

  /** The training losses in the log, by step. */
  static List<Double> losses(Path directory) throws IOException {
    List<Double> losses = new ArrayList<>();
    for (String line : Files.readAllLines(directory.resolve("training-log.jsonl"))) {
      JsonNode node = new ObjectMapper().readTree(line);
      if (node.path("type").asText().equals("step")) {
        losses.add(node.path("loss").asDouble());
      }
    }
    return losses;
  }
}
