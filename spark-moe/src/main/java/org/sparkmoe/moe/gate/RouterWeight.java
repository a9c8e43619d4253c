package org.sparkmoe.moe.gate;

import org.sparkmoe.moe.ModuleContext;
import org.sparkmoe.tensor.Parameter;
import org.sparkmoe.tensor.ParameterBox;

/** The matrix {@code [M, E]} of most gates, held whole by every rank. */
final class RouterWeight {
  static final String OPTION = "init-deviation";
  static final String MEANING = "standard deviation of the initial router weights (0.02)";

  private RouterWeight() {}

  static Parameter of(ModuleContext context) {
    ParameterBox box =
        ParameterBox.whole(
            context.name() + ".weight", true, context.modelWidth(), context.config().experts());
    return context.initializer().normal(box, context.number(OPTION, 0.02));
  }
}
