package org.sparkmoe.kernel;

import org.bytedeco.pytorch.Device;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * Matrix products of groups of rows, each group with a matrix of its own and none filled up to the
 * rows of another. Letters: R rows of all groups, G groups, K and N widths. None of the methods
 * records autograd.
 */
public interface GroupedProducts {

  /**
   * Each group's rows times its matrix.
   *
   * @param rowsRK {@code [R, K]} contiguous
   * @param matricesGKN {@code [G, K, N]}, possibly transposed in its last two dimensions
   * @return {@code [R, N]}; what rows in no group hold is not defined
   */
  Tensor rows(Tensor rowsRK, Tensor matricesGKN, RowGroups groups);

  /**
   * Each group's {@code leftᵀ · right}: the gradient of {@link #rows} by the matrices. Zero where a
   * group has no rows.
   *
   * @param leftRK {@code [R, K]} contiguous
   * @param rightRN {@code [R, N]} contiguous
   * @return {@code [G, K, N]}
   */
  Tensor matrices(Tensor leftRK, Tensor rightRN, RowGroups groups);

  /** One product after the other; any device and type. The host must know the sizes of groups. */
  static GroupedProducts oneByOne() {
    return new OneByOneProducts();
  }

  /**
   * All in one kernel of libtorch, {@code aten::_grouped_mm}, on GPUs of sm_90; libtorch takes them
   * one by one elsewhere. f32 and bf16; widths must be multiples of 16 bytes.
   */
  static GroupedProducts together() {
    return new TorchGroupedProducts();
  }

  /**
   * {@link #together} where the device has a kernel for it and for the widths, otherwise one by
   * one. Without that kernel libtorch would wait for the device in every product, to read where
   * groups end; one by one it is once for all of them. On the CPU nothing waits.
   */
  static GroupedProducts best(Device device, ScalarType type, long... widths) {
    boolean fits =
        device.is_cuda()
            ? TorchGroupedProducts.isOneKernel(type)
            : type == ScalarType.BFloat16 || type == ScalarType.Float;
    int size = type == ScalarType.BFloat16 ? Short.BYTES : Float.BYTES;
    for (long width : widths) {
      fits &= width * size % TorchGroupedProducts.ALIGNMENT == 0;
    }
    return fits ? together() : oneByOne();
  }
}
