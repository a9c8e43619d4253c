package org.sparkmoe.train;

import com.fasterxml.jackson.core.JsonGenerator;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * What a safetensors file says of its contents (format of Hugging Face's safetensors, version 0.4):
 * 8 bytes little-endian length, that many bytes of JSON, then the data, without holes.
 *
 * @param tensors by name, in the order of the file
 * @param metadata free text by key
 */
public record SafetensorsHeader(Map<String, Entry> tensors, Map<String, String> metadata) {
  /** Largest header that is read, the format's own limit. */
  static final int MAX_BYTES = 100_000_000;

  static final String METADATA = "__metadata__";
  private static final int ALIGNMENT = 8;

  /** One tensor's type, shape (elements) and place in the data (bytes). */
  public record Entry(StoredType type, long[] shape, long begin, long end) {
    /** Bytes of data. */
    public long bytes() {
      return end - begin;
    }
  }

  public SafetensorsHeader {
    tensors = Collections.unmodifiableMap(new LinkedHashMap<>(tensors));
    metadata = Collections.unmodifiableMap(new LinkedHashMap<>(metadata));
  }

  /** Lays {@code tensors} out one after the other. */
  static SafetensorsHeader layOut(
      Map<String, ? extends TensorSource> tensors, Map<String, String> metadata) {
    Map<String, Entry> entries = new LinkedHashMap<>();
    long begin = 0;
    for (Map.Entry<String, ? extends TensorSource> tensor : tensors.entrySet()) {
      TensorSource source = tensor.getValue();
      long end = begin + elements(source.shape()) * source.type().bytes();
      entries.put(tensor.getKey(), new Entry(source.type(), source.shape(), begin, end));
      begin = end;
    }
    return new SafetensorsHeader(entries, metadata);
  }

  /** Bytes of data that follow the header. */
  long dataBytes() {
    return tensors.values().stream().mapToLong(Entry::end).max().orElse(0);
  }

  /**
   * Checks that types, shapes and places fit each other and fill the data exactly.
   *
   * @param dataBytes bytes in the file after the header
   * @throws SafetensorsException naming the first fault
   */
  void validate(long dataBytes) throws SafetensorsException {
    for (Map.Entry<String, Entry> tensor : tensors.entrySet()) {
      validate(tensor.getKey(), tensor.getValue());
    }
    List<Map.Entry<String, Entry>> byPlace = new ArrayList<>(tensors.entrySet());
    byPlace.sort(
        Comparator.comparingLong((Map.Entry<String, Entry> e) -> e.getValue().begin())
            .thenComparingLong(e -> e.getValue().end()));
    long end = 0;
    for (Map.Entry<String, Entry> tensor : byPlace) {
      long begin = tensor.getValue().begin();
      if (begin != end) {
        throw new SafetensorsException(
            "tensor \"%s\" begins at %d, must begin at %d where the one before ends (%s)"
                .formatted(tensor.getKey(), begin, end, begin < end ? "an overlap" : "a hole"));
      }
      end = tensor.getValue().end();
    }
    if (end != dataBytes) {
      throw new SafetensorsException(
          "tensors end at %d, must end with the data at %d".formatted(end, dataBytes));
    }
  }

  private static void validate(String name, Entry entry) throws SafetensorsException {
    if (entry.begin() < 0 || entry.end() < entry.begin()) {
      throw new SafetensorsException(
          "tensor \"%s\" has data_offsets [%d, %d], must be ascending and not negative"
              .formatted(name, entry.begin(), entry.end()));
    }
    long bytes;
    try {
      bytes = Math.multiplyExact(elements(entry.shape()), (long) entry.type().bytes());
    } catch (ArithmeticException | IllegalArgumentException e) {
      throw new SafetensorsException(
          "tensor \"%s\" has shape %s, must be sizes of at least 0 whose product fits in 63 bits"
              .formatted(name, Arrays.toString(entry.shape())),
          e);
    }
    if (bytes != entry.bytes()) {
      throw new SafetensorsException(
          "tensor \"%s\" of shape %s and type %s has %d bytes of data, must have %d"
              .formatted(name, Arrays.toString(entry.shape()), entry.type(), entry.bytes(), bytes));
    }
  }

  static long elements(long[] shape) {
    long product = 1;
    for (long size : shape) {
      if (size < 0) {
        throw new IllegalArgumentException("size " + size + " must be at least 0");
      }
      product = Math.multiplyExact(product, size);
    }
    return product;
  }

  /** The JSON, padded with spaces so that the data is aligned. */
  byte[] toJson() {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (JsonGenerator json = BoundedJson.FACTORY.createGenerator(bytes)) {
      json.writeStartObject();
      if (!metadata.isEmpty()) {
        json.writeObjectFieldStart(METADATA);
        for (Map.Entry<String, String> pair : metadata.entrySet()) {
          json.writeStringField(pair.getKey(), pair.getValue());
        }
        json.writeEndObject();
      }
      for (Map.Entry<String, Entry> tensor : tensors.entrySet()) {
        write(json, tensor.getKey(), tensor.getValue());
      }
      json.writeEndObject();
    } catch (IOException e) {
      throw new UncheckedIOException("writing to memory failed", e);
    }
    while (bytes.size() % ALIGNMENT != 0) {
      bytes.write(' ');
    }
    return bytes.toByteArray();
  }

  private static void write(JsonGenerator json, String name, Entry entry) throws IOException {
    json.writeObjectFieldStart(name);
    json.writeStringField("dtype", entry.type().name());
    json.writeFieldName("shape");
    json.writeArray(entry.shape(), 0, entry.shape().length);
    json.writeFieldName("data_offsets");
    json.writeArray(new long[] {entry.begin(), entry.end()}, 0, 2);
    json.writeEndObject();
  }
}
