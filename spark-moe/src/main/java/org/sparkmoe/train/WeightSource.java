package org.sparkmoe.train;

import java.io.IOException;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;

/** Whole tensors of which any box can be read. */
interface WeightSource extends AutoCloseable {

  /** Shape of each whole tensor by name, in the order of the files. */
  Map<String, long[]> shapes();

  /** The element type of a tensor that is there. */
  StoredType type(String name);

  /**
   * Reads a part of a tensor to the CPU, in the caller's scope.
   *
   * @throws SafetensorsException if the tensor is not all there, has another shape or is damaged
   */
  Tensor read(String name, Box box) throws IOException;

  @Override
  void close() throws IOException;
}
