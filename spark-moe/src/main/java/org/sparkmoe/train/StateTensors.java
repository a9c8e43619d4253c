package org.sparkmoe.train;

import org.bytedeco.pytorch.Tensor;

/** Where the state of parameters is found: in training itself, or in a copy of one moment of it. */
@FunctionalInterface
interface StateTensors {

  /** {@code [n]} as {@link ParameterGroup#values}. */
  Tensor flat(ParameterGroup group, StatePart part);

  /** What training works on, which the next step changes. */
  static StateTensors live() {
    return (group, part) -> part.flat(group);
  }
}
