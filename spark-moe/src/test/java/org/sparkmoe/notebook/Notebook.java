package org.sparkmoe.notebook;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/**
 * A stored notebook.
 *
 * @param name of the file
 * @param cells code in order, without what the notebook says of it
 * @param outputs what cells left when the notebook was stored
 */
record Notebook(String name, List<String> cells, int outputs) {
  private static final Path FOLDER = Path.of("..", "notebooks");
  private static final String SPARK = "%spark\n";

  /** All in {@code folder}, by name. */
  static Stream<Notebook> in(String folder) throws IOException {
    try (Stream<Path> files = Files.list(FOLDER.resolve(folder))) {
      return files.sorted().toList().stream().map(Notebook::read);
    }
  }

  private static Notebook read(Path file) {
    try {
      JsonNode json = new ObjectMapper().readTree(file.toFile());
      return file.toString().endsWith(".zpln") ? zeppelin(file, json) : jupyter(file, json);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static Notebook jupyter(Path file, JsonNode json) {
    List<String> cells = new ArrayList<>();
    int outputs = 0;
    for (JsonNode cell : json.path("cells")) {
      if (cell.path("cell_type").asText().equals("code")) {
        StringBuilder source = new StringBuilder();
        cell.path("source").forEach(line -> source.append(line.asText()));
        cells.add(source.toString());
        outputs += cell.path("outputs").size();
      }
    }
    return new Notebook(file.getFileName().toString(), cells, outputs);
  }

  private static Notebook zeppelin(Path file, JsonNode json) {
    List<String> cells = new ArrayList<>();
    int outputs = 0;
    for (JsonNode paragraph : json.path("paragraphs")) {
      String text = paragraph.path("text").asText();
      if (text.startsWith(SPARK)) {
        cells.add(text.substring(SPARK.length()));
      }
      outputs += paragraph.has("results") ? 1 : 0;
    }
    return new Notebook(file.getFileName().toString(), cells, outputs);
  }

  @Override
  public String toString() {
    return name;
  }
}
