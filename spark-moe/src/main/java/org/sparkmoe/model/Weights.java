package org.sparkmoe.model;

import java.util.ArrayList;
import java.util.List;
import org.bytedeco.pytorch.Tensor;
import org.sparkmoe.tensor.Parameter;
import org.sparkmoe.tensor.Parameter.Replication;
import org.sparkmoe.tensor.ParameterBox;
import org.sparkmoe.tensor.ParameterInitializer;
import org.sparkmoe.topology.RankGroups;

/**
 * Makes the dense parameters of one rank and collects them. Matrices decay, biases and norms do
 * not.
 */
final class Weights {
  private final ParameterInitializer initializer;
  private final int parts;
  private final int part;
  private final List<Parameter> made = new ArrayList<>();

  Weights(ParameterInitializer initializer, RankGroups groups) {
    this.initializer = initializer;
    this.parts = groups.mp().size();
    this.part = groups.mp().rank();
  }

  /** A matrix that every rank of the stage holds whole. */
  Parameter matrix(String name, double standardDeviation, long... shape) {
    return add(initializer.normal(ParameterBox.whole(name, true, shape), standardDeviation));
  }

  /**
   * A matrix that every rank of the first and of the last of several pipeline stages holds whole.
   */
  Parameter matrixAtBothEnds(String name, double standardDeviation, long... shape) {
    ParameterBox box = ParameterBox.whole(name, true, shape).on(Replication.PIPELINE_ENDS);
    return add(initializer.normal(box, standardDeviation));
  }

  /** A matrix cut along {@code dimension} over the model-parallel group. */
  Parameter shardedMatrix(String name, int dimension, double standardDeviation, long... shape) {
    ParameterBox whole = ParameterBox.whole(name, true, shape);
    return add(initializer.normal(shard(whole, dimension), standardDeviation));
  }

  /** A vector that every rank of the stage holds whole. */
  Parameter vector(String name, double value, long length) {
    return add(initializer.constant(ParameterBox.whole(name, false, length), value));
  }

  /** A bias, at first 0, cut along {@code dimension} over the model-parallel group. */
  Parameter shardedBias(String name, int dimension, long... shape) {
    return add(initializer.constant(shard(ParameterBox.whole(name, false, shape), dimension), 0));
  }

  /** Takes in parameters made elsewhere. */
  void addAll(List<Parameter> parameters) {
    made.addAll(parameters);
  }

  /** All parameters so far, in the order of the forward pass. */
  List<Parameter> all() {
    return List.copyOf(made);
  }

  private ParameterBox shard(ParameterBox whole, int dimension) {
    return whole.part(dimension, part, parts).on(Replication.DATA);
  }

  private Parameter add(Parameter parameter) {
    made.add(parameter);
    return parameter;
  }

  /** The parameter's value in the type of {@code activation}; under autograd, so is the cast. */
  static Tensor as(Tensor activation, Parameter parameter) {
    return parameter.value().to(activation.scalar_type());
  }
}
