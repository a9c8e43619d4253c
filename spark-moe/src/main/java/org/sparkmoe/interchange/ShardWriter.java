package org.sparkmoe.interchange;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.OutputStream;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;
import org.sparkmoe.train.SafetensorsWriter;
import org.sparkmoe.train.TensorSource;

/** Writes tensors to as many files as they need, and the index if that is more than one. */
record ShardWriter(FileSystem files, Path directory, long shardBytes) {

  void write(Map<String, TensorSource> tensors) throws IOException {
    List<Map<String, TensorSource>> shards = shards(tensors);
    Map<String, String> fileOf = new LinkedHashMap<>();
    for (int i = 0; i < shards.size(); i++) {
      String name =
          shards.size() == 1
              ? ShardIndex.SINGLE
              : "model-%05d-of-%05d.safetensors".formatted(i + 1, shards.size());
      try (OutputStream out = files.create(new Path(directory, name), true)) {
        SafetensorsWriter.write(out, shards.get(i), Map.of("format", "pt"));
      }
      for (String tensor : shards.get(i).keySet()) {
        fileOf.put(tensor, name);
      }
    }
    if (shards.size() > 1) {
      long total = tensors.values().stream().mapToLong(ShardWriter::bytes).sum();
      Map<String, Object> index = new LinkedHashMap<>();
      index.put("metadata", Map.of("total_size", total));
      index.put("weight_map", fileOf);
      try (OutputStream out = files.create(new Path(directory, ShardIndex.INDEX), true)) {
        out.write(new ObjectMapper().writerWithDefaultPrettyPrinter().writeValueAsBytes(index));
      }
    }
  }

  private List<Map<String, TensorSource>> shards(Map<String, TensorSource> tensors) {
    List<Map<String, TensorSource>> shards = new ArrayList<>();
    long free = 0;
    for (Map.Entry<String, TensorSource> tensor : tensors.entrySet()) {
      long bytes = bytes(tensor.getValue());
      if (shards.isEmpty() || bytes > free) {
        shards.add(new LinkedHashMap<>());
        free = shardBytes;
      }
      shards.get(shards.size() - 1).put(tensor.getKey(), tensor.getValue());
      free -= bytes;
    }
    return shards;
  }

  private static long bytes(TensorSource tensor) {
    return Arrays.stream(tensor.shape()).reduce(tensor.type().bytes(), Math::multiplyExact);
  }
}
