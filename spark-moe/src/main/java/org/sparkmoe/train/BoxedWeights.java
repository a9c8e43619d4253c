package org.sparkmoe.train;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.bytedeco.pytorch.ScalarTypeOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.global.torch;
import org.sparkmoe.tensor.TensorScope;

/** Tensors put together from boxes that lie in several safetensors files. */
final class BoxedWeights implements WeightSource {
  private record Part(SafetensorsReader file, String storedName, Box box, StoredType type) {}

  private final List<SafetensorsReader> files;
  private final Map<String, long[]> shapes = new LinkedHashMap<>();
  private final Map<String, List<Part>> parts = new LinkedHashMap<>();

  /**
   * Takes over {@code files}.
   *
   * @throws SafetensorsException if boxes of one tensor do not fit together
   */
  BoxedWeights(List<SafetensorsReader> files) throws SafetensorsException {
    this.files = List.copyOf(files);
    for (SafetensorsReader file : files) {
      SafetensorsHeader header = file.header();
      for (Map.Entry<String, SafetensorsHeader.Entry> stored : header.tensors().entrySet()) {
        String box = header.metadata().get(CheckpointShard.BOX + stored.getKey());
        add(file, stored.getKey(), stored.getValue(), box == null ? "" : box);
      }
    }
  }

  private void add(
      SafetensorsReader file, String storedName, SafetensorsHeader.Entry entry, String text)
      throws SafetensorsException {
    Box box = text.isEmpty() ? Box.whole(entry.shape()) : Box.parse(text);
    String suffix = "[" + text + "]";
    String name =
        storedName.endsWith(suffix)
            ? storedName.substring(0, storedName.length() - suffix.length())
            : storedName;
    long[] shape = shapes.computeIfAbsent(name, n -> box.fullShape());
    if (!Arrays.equals(box.shape(), entry.shape()) || !Arrays.equals(box.fullShape(), shape)) {
      throw new SafetensorsException(
          "tensor \"%s\" has box %s, must have shape %s and be part of %s"
              .formatted(storedName, text, Arrays.toString(entry.shape()), Arrays.toString(shape)));
    }
    parts
        .computeIfAbsent(name, n -> new ArrayList<>())
        .add(new Part(file, storedName, box, entry.type()));
  }

  @Override
  public Map<String, long[]> shapes() {
    return Collections.unmodifiableMap(shapes);
  }

  @Override
  public StoredType type(String name) {
    return partsOf(name).get(0).type();
  }

  private List<Part> partsOf(String name) {
    return parts.getOrDefault(name, List.of());
  }

  @Override
  public Tensor read(String name, Box box) throws IOException {
    long[] shape = shapes.get(name);
    if (shape == null || !Arrays.equals(shape, box.fullShape())) {
      throw new SafetensorsException(
          "tensor \"%s\" has shape %s, must have %s"
              .formatted(
                  name,
                  shape == null ? "none, it is missing" : Arrays.toString(shape),
                  Arrays.toString(box.fullShape())));
    }
    TensorOptions options =
        new TensorOptions().dtype(new ScalarTypeOptional(type(name).scalarType()));
    Tensor result = torch.zeros(box.shape(), options);
    long filled = 0;
    for (Part part : partsOf(name)) {
      Optional<Box> shared = part.box().intersection(box);
      if (shared.isPresent()) {
        copy(part, shared.get(), box, result);
        filled += shared.get().elements();
      }
    }
    if (filled != box.elements()) {
      throw new SafetensorsException(
          "tensor \"%s\" has %d of the %d elements of box %s"
              .formatted(name, filled, box.elements(), box.text()));
    }
    return result;
  }

  private static void copy(Part part, Box shared, Box wanted, Tensor result) throws IOException {
    try (TensorScope scope = TensorScope.open()) {
      Tensor stored = part.file().read(part.storedName());
      wanted.view(result, shared).copy_(part.box().view(stored, shared));
    }
  }

  @Override
  public void close() throws IOException {
    for (SafetensorsReader file : files) {
      file.close();
    }
  }
}
