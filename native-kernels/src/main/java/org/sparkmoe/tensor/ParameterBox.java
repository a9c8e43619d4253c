package org.sparkmoe.tensor;

import java.util.Arrays;

/**
 * What one rank holds of one whole tensor of the model, before it has values.
 *
 * @param name the name of the whole tensor, for example {@code layers.0.attention.qkv.weight}
 * @param fullShape shape of the whole tensor, elements
 * @param offset where the box starts in each dimension, elements
 * @param shape shape of the box, elements
 * @param replication over which ranks the box is repeated
 * @param decay whether weight decay applies
 */
public record ParameterBox(
    String name,
    long[] fullShape,
    long[] offset,
    long[] shape,
    Parameter.Replication replication,
    boolean decay) {

  /** A tensor that every rank holds whole. */
  public static ParameterBox whole(String name, boolean decay, long... shape) {
    return new ParameterBox(
        name, shape, new long[shape.length], shape, Parameter.Replication.WORLD, decay);
  }

  /**
   * This box cut into {@code parts} equal parts along {@code dimension}, of which the part {@code
   * index} stays.
   *
   * @throws IllegalArgumentException if {@code parts} does not divide the box
   */
  public ParameterBox part(int dimension, int index, int parts) {
    if (shape[dimension] % parts != 0) {
      throw new IllegalArgumentException(
          "parameter %s of shape %s cannot be cut into %d equal parts along dimension %d"
              .formatted(name, Arrays.toString(shape), parts, dimension));
    }
    long[] cut = shape.clone();
    cut[dimension] /= parts;
    long[] start = offset.clone();
    start[dimension] += index * cut[dimension];
    return new ParameterBox(name, fullShape, start, cut, replication, decay);
  }

  /** The same box, repeated over other ranks. */
  public ParameterBox on(Parameter.Replication ranks) {
    return new ParameterBox(name, fullShape, offset, shape, ranks, decay);
  }
}
