package org.sparkmoe.runtime;

import com.esotericsoftware.kryo.Kryo;
import com.esotericsoftware.kryo.Serializer;
import com.esotericsoftware.kryo.io.Input;
import com.esotericsoftware.kryo.io.Output;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;

/** Carries a small record as JSON: Kryo cannot make records itself, and JSON makes nothing else. */
final class JsonSerializer<R extends Record> extends Serializer<R> {
  private static final ObjectMapper MAPPER = new ObjectMapper();

  JsonSerializer() {
    super(false, true);
  }

  @Override
  public void write(Kryo kryo, Output output, R value) {
    try {
      output.writeString(MAPPER.writeValueAsString(value));
    } catch (JsonProcessingException e) {
      throw new IllegalStateException(value + " cannot be written as JSON", e);
    }
  }

  @Override
  public R read(Kryo kryo, Input input, Class<R> type) {
    String json = input.readString();
    try {
      return MAPPER.readValue(json, type);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("%s is no %s".formatted(json, type.getSimpleName()), e);
    }
  }
}
