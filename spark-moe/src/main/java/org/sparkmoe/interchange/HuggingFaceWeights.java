package org.sparkmoe.interchange;

import java.io.Closeable;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;
import org.bytedeco.pytorch.Tensor;
import org.jspecify.annotations.Nullable;
import org.sparkmoe.train.SafetensorsHeader;
import org.sparkmoe.train.SafetensorsReader;

/** The tensors of a directory, in one file or in shards with an index. */
final class HuggingFaceWeights implements Closeable {
  private record Place(SafetensorsReader file, SafetensorsHeader.Entry entry) {}

  private final List<SafetensorsReader> files = new ArrayList<>();
  private final Map<String, Place> places = new LinkedHashMap<>();

  private HuggingFaceWeights() {}

  /**
   * Opens all files and reads their headers.
   *
   * @throws InterchangeException if index and files do not fit together
   * @throws IOException if a file is missing or damaged
   */
  static HuggingFaceWeights open(FileSystem files, Path directory) throws IOException {
    ShardIndex index = ShardIndex.read(files, directory);
    HuggingFaceWeights weights = new HuggingFaceWeights();
    try {
      List<String> problems = new ArrayList<>();
      for (String name : index.files()) {
        Path file = new Path(directory, name);
        if (files.exists(file)) {
          weights.add(SafetensorsReader.open(files, file), name, index, problems);
        } else {
          problems.add("%s: the index names it, but it is missing".formatted(name));
        }
      }
      weights.checkComplete(index, problems);
      if (!problems.isEmpty()) {
        throw new InterchangeException(directory.toString(), problems);
      }
      return weights;
    } catch (IOException | RuntimeException e) {
      weights.close();
      throw e;
    }
  }

  private void add(SafetensorsReader file, String name, ShardIndex index, List<String> problems) {
    files.add(file);
    file.header()
        .tensors()
        .forEach(
            (tensor, entry) -> {
              String wanted = index.fileOf().getOrDefault(tensor, name);
              if (places.putIfAbsent(tensor, new Place(file, entry)) != null) {
                problems.add("tensor %s is in %s and in another file".formatted(tensor, name));
              } else if (!wanted.equals(name)) {
                problems.add(
                    "tensor %s is in %s, must be in %s as the index says"
                        .formatted(tensor, name, wanted));
              }
            });
  }

  private void checkComplete(ShardIndex index, List<String> problems) {
    Set<String> missing = new TreeSet<>(index.fileOf().keySet());
    missing.removeAll(places.keySet());
    for (String tensor : missing) {
      problems.add(
          "tensor %s is missing in %s, where the index has it"
              .formatted(tensor, index.fileOf().get(tensor)));
    }
  }

  Set<String> names() {
    return places.keySet();
  }

  /** Type and shape; null if there is no such tensor. */
  SafetensorsHeader.@Nullable Entry entry(String name) {
    Place place = places.get(name);
    return place == null ? null : place.entry();
  }

  /**
   * Reads a tensor that is there to the CPU, in the caller's scope.
   *
   * @throws IOException if the file cannot be read
   */
  Tensor read(String name) throws IOException {
    Place place = places.get(name);
    if (place == null) {
      throw new IllegalArgumentException("there is no tensor " + name);
    }
    return place.file().read(name);
  }

  @Override
  public void close() throws IOException {
    for (SafetensorsReader file : files) {
      file.close();
    }
  }
}
