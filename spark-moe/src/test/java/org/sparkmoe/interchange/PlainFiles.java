package org.sparkmoe.interchange;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;

/** Reads and writes safetensors files without the code under test. */
final class PlainFiles {
  private PlainFiles() {}

  static void write(Path file, Map<String, PlainTensor> tensors) throws IOException {
    ObjectNode header = new ObjectMapper().createObjectNode();
    ByteArrayOutputStream data = new ByteArrayOutputStream();
    for (Map.Entry<String, PlainTensor> tensor : tensors.entrySet()) {
      ObjectNode entry = header.putObject(tensor.getKey()).put("dtype", tensor.getValue().dtype());
      Arrays.stream(tensor.getValue().shape()).forEach(entry.withArray("shape")::add);
      entry.withArray("data_offsets").add(data.size());
      data.write(tensor.getValue().data());
      entry.withArray("data_offsets").add(data.size());
    }
    byte[] json = header.toString().getBytes(StandardCharsets.UTF_8);
    ByteBuffer length = ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN).putLong(json.length);
    ByteArrayOutputStream all = new ByteArrayOutputStream();
    all.write(length.array());
    all.write(json);
    data.writeTo(all);
    Files.write(file, all.toByteArray());
  }

  /** The tensors of all safetensors files of a directory. */
  static Map<String, PlainTensor> read(Path directory) throws IOException {
    Map<String, PlainTensor> tensors = new TreeMap<>();
    try (Stream<Path> files = Files.list(directory)) {
      for (Path file : files.filter(f -> f.toString().endsWith(".safetensors")).toList()) {
        readFile(file, tensors);
      }
    }
    return tensors;
  }

  private static void readFile(Path file, Map<String, PlainTensor> tensors) throws IOException {
    byte[] bytes = Files.readAllBytes(file);
    int length = (int) ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).getLong();
    JsonNode header =
        new ObjectMapper().readTree(new String(bytes, 8, length, StandardCharsets.UTF_8));
    for (Map.Entry<String, JsonNode> entry : header.properties()) {
      if (!entry.getKey().equals("__metadata__")) {
        JsonNode shape = entry.getValue().path("shape");
        long[] sizes = new long[shape.size()];
        Arrays.setAll(sizes, i -> shape.get(i).asLong());
        JsonNode place = entry.getValue().path("data_offsets");
        int start = 8 + length;
        byte[] data =
            Arrays.copyOfRange(bytes, start + place.get(0).asInt(), start + place.get(1).asInt());
        tensors.put(
            entry.getKey(), new PlainTensor(entry.getValue().path("dtype").asText(), sizes, data));
      }
    }
  }

  /** Type, shape and bytes of each tensor. */
  static Map<String, String> contents(Path directory) throws IOException {
    Map<String, String> contents = new TreeMap<>();
    read(directory).forEach((name, tensor) -> contents.put(name, tensor.contents()));
    return contents;
  }
}
