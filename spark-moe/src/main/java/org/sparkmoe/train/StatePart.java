package org.sparkmoe.train;

import java.util.Locale;
import org.bytedeco.pytorch.Tensor;

/** What a checkpoint holds of each parameter. */
enum StatePart {
  VALUE,
  FIRST_MOMENT,
  SECOND_MOMENT;

  /** The prefix of its tensors' names in a shard. */
  String prefix() {
    return name().toLowerCase(Locale.ROOT) + "/";
  }

  /** The flat tensor that holds it. */
  Tensor flat(ParameterGroup group) {
    return switch (this) {
      case VALUE -> group.values();
      case FIRST_MOMENT -> group.firstMoments();
      case SECOND_MOMENT -> group.secondMoments();
    };
  }
}
