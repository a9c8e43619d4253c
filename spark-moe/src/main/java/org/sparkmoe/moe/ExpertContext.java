package org.sparkmoe.moe;

import java.util.Map;
import org.sparkmoe.tensor.Parameter.Replication;
import org.sparkmoe.tensor.ParameterBox;
import org.sparkmoe.tensor.ParameterInitializer;

/**
 * What the experts of one rank are made from.
 *
 * @param name prefix of parameter names, for example {@code layers.0.moe.experts}
 * @param experts E, over all ranks
 * @param epIndex which of {@code epSize} equal parts of the experts this rank holds
 * @param epSize N_EP
 * @param espIndex which of {@code espSize} equal shards of each expert this rank holds
 * @param espSize N_ESP
 * @param replication over which ranks these experts are repeated
 * @param modelWidth M
 * @param hiddenSize H of the whole expert
 * @param options of the expert
 * @param initializer makes parameters
 */
public record ExpertContext(
    String name,
    int experts,
    int epIndex,
    int epSize,
    int espIndex,
    int espSize,
    Replication replication,
    int modelWidth,
    int hiddenSize,
    Map<String, String> options,
    ParameterInitializer initializer) {

  /**
   * This rank's box of the tensor {@code [E, ...shape]}: its experts, and its shard of them along
   * {@code shardedDimension} (1 is the first after E).
   */
  public ParameterBox box(String tensor, boolean decay, int shardedDimension, long... shape) {
    long[] full = new long[shape.length + 1];
    full[0] = experts;
    System.arraycopy(shape, 0, full, 1, shape.length);
    return ParameterBox.whole(name + "." + tensor, decay, full)
        .part(0, epIndex, epSize)
        .part(shardedDimension, espIndex, espSize)
        .on(replication);
  }

  /** A word among the options: one of {@code allowed}, of which the first is the default. */
  public String word(String option, String... allowed) {
    return Options.word(name, options, option, allowed);
  }

  /** A number among the options. */
  public double number(String option, double byDefault) {
    return Options.number(name, options, option, byDefault);
  }
}
