package org.sparkmoe.interchange;

import java.util.List;
import org.bytedeco.pytorch.Tensor;

/**
 * A tensor of Spark MoE and those of Hugging Face's that hold the same values. Only the places of
 * values differ, never the values.
 *
 * @param ours name in Spark MoE
 * @param shape in Spark MoE
 * @param theirs one name; or, for experts, one for each slice of the first dimension, in its order
 * @param theirShape of each of {@code theirs}
 * @param transposed whether each of {@code theirs}, a matrix, is ours transposed, once the leading
 *     dimensions of ours are joined
 */
record Correspondence(
    String ours, long[] shape, List<String> theirs, long[] theirShape, boolean transposed) {

  Correspondence {
    theirs = List.copyOf(theirs);
  }

  /** The same shape on both sides. */
  static Correspondence same(String ours, String theirs, long... shape) {
    return new Correspondence(ours, shape, List.of(theirs), shape, false);
  }

  /** Ours is {@code [rows, columns]}, theirs {@code [columns, rows]}. */
  static Correspondence transposed(String ours, String theirs, long rows, long columns) {
    return new Correspondence(
        ours, new long[] {rows, columns}, List.of(theirs), new long[] {columns, rows}, true);
  }

  /** Ours is {@code [slices, rows, columns]}, each of theirs {@code [columns, rows]}. */
  static Correspondence slices(String ours, List<String> theirs, long rows, long columns) {
    return new Correspondence(
        ours, new long[] {theirs.size(), rows, columns}, theirs, new long[] {columns, rows}, true);
  }

  /**
   * One of theirs out of ours.
   *
   * @param whole of {@link #shape}
   * @param index into {@link #theirs}
   * @return of {@link #theirShape}, contiguous
   */
  Tensor take(Tensor whole, int index) {
    Tensor slice = slice(whole, index);
    Tensor theirsNow =
        transposed ? slice.reshape(theirShape[1], theirShape[0]).t() : slice.reshape(theirShape);
    return theirsNow.contiguous();
  }

  /**
   * Puts one of theirs where it belongs in ours.
   *
   * @param whole of {@link #shape}, contiguous
   * @param index into {@link #theirs}
   * @param one of {@link #theirShape}
   */
  void put(Tensor whole, int index, Tensor one) {
    Tensor slice = slice(whole, index);
    Tensor oursNow = transposed ? one.t() : one;
    slice.copy_(oursNow.reshape(slice.sizes().vec().get()));
  }

  private Tensor slice(Tensor whole, int index) {
    boolean stack = shape.length == theirShape.length + 1 && shape[0] == theirs.size();
    return stack ? whole.select(0, index) : whole;
  }
}
