package org.sparkmoe.data;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;

/** Made-up documents and the configuration to read them. */
final class Corpus {
  private static final String[] WORDS = {"rank", "gate", "expert", "token", "spark", "naïve", "–"};

  private Corpus() {}

  static List<String> documents(int count) {
    Random random = new Random(7);
    List<String> documents = new ArrayList<>();
    for (int d = 0; d < count; d++) {
      StringBuilder text = new StringBuilder("document " + d);
      int words = 1 + random.nextInt(40);
      for (int w = 0; w < words; w++) {
        text.append(' ').append(WORDS[random.nextInt(WORDS.length)]);
      }
      documents.add(text.toString());
    }
    return documents;
  }

  static Path linesFile(Path directory, List<String> documents) throws IOException {
    return Files.write(directory.resolve("corpus.txt"), documents);
  }

  static DataConfig config(Path path, String format) {
    return config(path, format, "byte", 0);
  }

  static DataConfig config(Path path, String format, String tokenizer, int maxDocuments) {
    return config(path, format, "", tokenizer, maxDocuments);
  }

  /** With a column of prompts. */
  static DataConfig withPrompts(Path path, String format, String promptColumn) {
    return config(path, format, promptColumn, "byte", 0);
  }

  private static DataConfig config(
      Path path, String format, String promptColumn, String tokenizer, int maxDocuments) {
    return new DataConfig(
        List.of(path.toString()),
        format,
        "text",
        promptColumn,
        Map.of(),
        tokenizer,
        16,
        0.2,
        3,
        1 << 20,
        "target",
        maxDocuments);
  }
}
