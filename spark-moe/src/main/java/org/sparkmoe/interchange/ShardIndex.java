package org.sparkmoe.interchange;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;

/**
 * Which file of a directory holds which tensor.
 *
 * @param fileOf name of a file in the same directory by name of a tensor; empty where there is one
 *     file alone
 * @param files all of them, in order
 */
record ShardIndex(Map<String, String> fileOf, Set<String> files) {
  static final String SINGLE = "model.safetensors";
  static final String INDEX = "model.safetensors.index.json";

  private static final Pattern FILE = Pattern.compile("[A-Za-z0-9_-][A-Za-z0-9._-]*\\.safetensors");
  private static final int MAX_FILES = 4096;

  /**
   * Reads the index, or finds that there is one file alone.
   *
   * @throws InterchangeException if the index names files outside its directory, or too many
   * @throws IOException if there are neither, or the index is no JSON
   */
  static ShardIndex read(FileSystem files, Path directory) throws IOException {
    if (files.exists(new Path(directory, SINGLE))) {
      return new ShardIndex(Map.of(), Set.of(SINGLE));
    }
    Path index = new Path(directory, INDEX);
    if (!files.exists(index)) {
      throw new InterchangeException(
          directory.toString(),
          List.of(
              ("it has neither %s nor %s; weights in other formats are not read: save them by"
                      + " save_pretrained(…, safe_serialization=True)")
                  .formatted(SINGLE, INDEX)));
    }
    return parse(directory, BoundedFile.json(files, index).path("weight_map"));
  }

  private static ShardIndex parse(Path directory, JsonNode weightMap) {
    List<String> problems = new ArrayList<>();
    Map<String, String> fileOf = new LinkedHashMap<>();
    weightMap
        .fields()
        .forEachRemaining(
            entry -> {
              String file = entry.getValue().asText();
              if (!entry.getValue().isTextual() || !FILE.matcher(file).matches()) {
                problems.add(
                    "%s: tensor %s is in %s, must be in a file NAME.safetensors of the directory"
                        .formatted(INDEX, entry.getKey(), entry.getValue()));
              }
              fileOf.put(entry.getKey(), file);
            });
    Set<String> names = new LinkedHashSet<>(fileOf.values());
    if (names.isEmpty() || names.size() > MAX_FILES) {
      problems.add(
          "%s: weight_map names %d files, must name from 1 to %d"
              .formatted(INDEX, names.size(), MAX_FILES));
    }
    if (!problems.isEmpty()) {
      throw new InterchangeException(directory.toString(), problems);
    }
    return new ShardIndex(fileOf, names);
  }
}
