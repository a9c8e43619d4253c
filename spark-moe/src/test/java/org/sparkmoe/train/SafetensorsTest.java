package org.sparkmoe.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.URI;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.util.LinkedHashMap;
import java.util.Map;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.fs.RawLocalFileSystem;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.sparkmoe.tensor.TensorScope;

class SafetensorsTest {
  @TempDir java.nio.file.Path directory;
  private final RawLocalFileSystem files = new RawLocalFileSystem();

  @BeforeEach
  void openFileSystem() throws IOException {
    files.initialize(URI.create("file:///"), new Configuration());
  }

  @Test
  void everyTypeAndShapeComesBackBitForBit() throws IOException {
    try (TensorScope scope = TensorScope.open()) {
      Tensor values = torch.randn(3, 5);
      Map<String, Tensor> tensors = new LinkedHashMap<>();
      tensors.put("f32", values);
      tensors.put("bf16 \"quoted\"", values.to(ScalarType.BFloat16));
      tensors.put("f64", values.to(ScalarType.Double));
      tensors.put("i64/große", Tensor.create(new long[] {Long.MIN_VALUE, -1, Long.MAX_VALUE}, 3));
      tensors.put("empty", torch.randn(0, 7));
      tensors.put("scalar", values.sum());
      tensors.put("transposed", values.t());
      java.nio.file.Path file = write(tensors, Map.of("origin", "a test"));

      try (SafetensorsReader reader = SafetensorsReader.open(files, path(file))) {
        assertThat(reader.header().metadata()).containsEntry("origin", "a test");
        assertThat(reader.header().tensors().keySet()).containsExactlyElementsOf(tensors.keySet());
        for (String name : tensors.keySet()) {
          assertThat(reader.read(name).equal(tensors.get(name))).as(name).isTrue();
        }
      }
      assertThat(
              ByteBuffer.wrap(Files.readAllBytes(file)).order(ByteOrder.LITTLE_ENDIAN).getLong()
                  % 8)
          .isZero();
    }
  }

  @Test
  void aDamagedByteOfATensorIsReportedWithItsName() throws IOException {
    try (TensorScope scope = TensorScope.open()) {
      java.nio.file.Path file = write(Map.of("w", torch.randn(100)), Map.of());
      byte[] bytes = Files.readAllBytes(file);
      bytes[bytes.length - 7] ^= 4;
      Files.write(file, bytes);

      try (SafetensorsReader reader = SafetensorsReader.open(files, path(file))) {
        assertThatThrownBy(() -> reader.read("w"))
            .isInstanceOf(SafetensorsException.class)
            .hasMessageContaining("tensor \"w\" has CRC32C")
            .hasMessageContaining("damaged");
      }
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '~',
      value = {
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},\"b\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}|an overlap",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}|a hole",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}|must end with the data at 8",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[0,8]}}|must have 12",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[-2],\"data_offsets\":[0,8]}}|sizes of at least 0",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[4611686018427387904,4],\"data_offsets\":[0,8]}}|fits in 63 bits",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[8,0]}}|must be ascending",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[-8,0]}}|not negative",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8,9]}}|two data_offsets",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[2.0],\"data_offsets\":[0,8]}}|must be value_number_int",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[99999999999999999999],\"data_offsets\":[0,8]}}|not valid JSON",
        "{\"a\":{\"dtype\":\"F8\",\"shape\":[2],\"data_offsets\":[0,8]}}|must be one of [F32, F64, BF16, F16, I64]",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8],\"x\":1}}|has a field \"x\"",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[2]}}|two data_offsets",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}|Duplicate field 'a'",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[[[[[[[[[[2]]]]]]]]]],\"data_offsets\":[0,8]}}|must be value_number_int",
        "{\"__metadata__\":{\"a\":{}}}|must be value_string",
        "[]|must be start_object",
        "{\"a\":|not valid JSON",
        "{} {}|after its closing brace",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,2],\"data_offsets\":[0,8]}}|more than 16"
      })
  void aHostileHeaderIsRefusedWithTheFault(String header, String fault) {
    assertThatThrownBy(
            () -> SafetensorsHeaderParser.parse(header.getBytes(StandardCharsets.UTF_8), 8))
        .isInstanceOf(SafetensorsException.class)
        .hasMessageContaining(fault);
  }

  @ParameterizedTest
  @CsvSource({"-1", "0", "9223372036854775807", "100000001", "9"})
  void aHeaderLengthBeyondTheFileIsRefusedWithoutReading(long length) throws IOException {
    java.nio.file.Path file = directory.resolve("length.safetensors");
    Files.write(
        file,
        ByteBuffer.allocate(16).order(ByteOrder.LITTLE_ENDIAN).putLong(length).putLong(0).array());

    assertThatThrownBy(() -> SafetensorsReader.open(files, path(file)))
        .isInstanceOf(SafetensorsException.class)
        .hasMessageContaining("length.safetensors: header length is");
  }

  private java.nio.file.Path write(Map<String, Tensor> tensors, Map<String, String> metadata)
      throws IOException {
    Map<String, TensorSource> sources = new LinkedHashMap<>();
    tensors.forEach((name, tensor) -> sources.put(name, TensorSource.of(tensor)));
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    SafetensorsWriter.write(out, sources, metadata);
    return Files.write(directory.resolve("t.safetensors"), out.toByteArray());
  }

  private static Path path(java.nio.file.Path file) {
    return new Path(file.toUri());
  }
}
