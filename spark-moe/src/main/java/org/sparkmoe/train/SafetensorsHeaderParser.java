package org.sparkmoe.train;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Reads the JSON of a safetensors header as a stream, believing nothing. */
final class SafetensorsHeaderParser {
  private static final int MAX_DIMENSIONS = 16;

  private final JsonParser json;

  private SafetensorsHeaderParser(JsonParser json) {
    this.json = json;
  }

  /**
   * Parses and {@linkplain SafetensorsHeader#validate validates} a header.
   *
   * @param header the JSON in UTF-8
   * @param dataBytes bytes in the file after the header
   * @throws SafetensorsException naming the first fault
   */
  static SafetensorsHeader parse(byte[] header, long dataBytes) throws SafetensorsException {
    SafetensorsHeader parsed;
    try (JsonParser json =
        BoundedJson.FACTORY.createParser(
            new InputStreamReader(
                new ByteArrayInputStream(header), StandardCharsets.UTF_8.newDecoder()))) {
      parsed = new SafetensorsHeaderParser(json).header();
    } catch (SafetensorsException e) {
      throw e;
    } catch (IOException e) {
      throw new SafetensorsException("header is not valid JSON: " + firstLine(e), e);
    }
    parsed.validate(dataBytes);
    return parsed;
  }

  private static String firstLine(IOException e) {
    return String.valueOf(e.getMessage()).lines().findFirst().orElse("");
  }

  private SafetensorsHeader header() throws IOException {
    expect(json.nextToken(), JsonToken.START_OBJECT, "the header");
    Map<String, SafetensorsHeader.Entry> tensors = new LinkedHashMap<>();
    Map<String, String> metadata = new LinkedHashMap<>();
    while (json.nextToken() == JsonToken.FIELD_NAME) {
      String name = json.currentName();
      if (name.equals(SafetensorsHeader.METADATA)) {
        readMetadata(metadata);
      } else {
        tensors.put(name, entry(name));
      }
    }
    if (json.nextToken() != null) {
      throw new SafetensorsException("header has text after its closing brace");
    }
    return new SafetensorsHeader(tensors, metadata);
  }

  private void readMetadata(Map<String, String> metadata) throws IOException {
    expect(json.nextToken(), JsonToken.START_OBJECT, SafetensorsHeader.METADATA);
    while (json.nextToken() == JsonToken.FIELD_NAME) {
      String key = json.currentName();
      expect(json.nextToken(), JsonToken.VALUE_STRING, "metadata \"" + key + "\"");
      metadata.put(key, json.getText());
    }
  }

  private SafetensorsHeader.Entry entry(String name) throws IOException {
    String what = "tensor \"" + name + "\"";
    expect(json.nextToken(), JsonToken.START_OBJECT, what);
    StoredType type = null;
    long[] shape = null;
    long[] place = null;
    while (json.nextToken() == JsonToken.FIELD_NAME) {
      String field = json.currentName();
      switch (field) {
        case "dtype" -> type = type(what);
        case "shape" -> shape = longs(what + " shape");
        case "data_offsets" -> place = longs(what + " data_offsets");
        default ->
            throw new SafetensorsException(
                "%s has a field \"%s\", must have dtype, shape and data_offsets only"
                    .formatted(what, field));
      }
    }
    if (type == null || shape == null || place == null || place.length != 2) {
      throw new SafetensorsException(
          "%s must have a dtype, a shape and two data_offsets".formatted(what));
    }
    return new SafetensorsHeader.Entry(type, shape, place[0], place[1]);
  }

  private StoredType type(String what) throws IOException {
    expect(json.nextToken(), JsonToken.VALUE_STRING, what + " dtype");
    String name = json.getText();
    for (StoredType type : StoredType.values()) {
      if (type.name().equals(name)) {
        return type;
      }
    }
    throw new SafetensorsException(
        "%s has dtype \"%s\", must be one of %s"
            .formatted(what, name, Arrays.toString(StoredType.values())));
  }

  private long[] longs(String what) throws IOException {
    expect(json.nextToken(), JsonToken.START_ARRAY, what);
    List<Long> values = new ArrayList<>();
    while (json.nextToken() != JsonToken.END_ARRAY) {
      expect(json.currentToken(), JsonToken.VALUE_NUMBER_INT, what);
      if (values.size() == MAX_DIMENSIONS) {
        throw new SafetensorsException(
            "%s has more than %d numbers".formatted(what, MAX_DIMENSIONS));
      }
      values.add(json.getLongValue());
    }
    return values.stream().mapToLong(Long::longValue).toArray();
  }

  private static void expect(@Nullable JsonToken found, JsonToken wanted, String what)
      throws SafetensorsException {
    if (found != wanted) {
      throw new SafetensorsException(
          "%s is %s, must be %s".formatted(what, describe(found), describe(wanted)));
    }
  }

  private static String describe(@Nullable JsonToken token) {
    return token == null ? "missing" : token.name().toLowerCase(java.util.Locale.ROOT);
  }
}
