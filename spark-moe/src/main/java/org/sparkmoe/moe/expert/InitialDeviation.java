package org.sparkmoe.moe.expert;

import java.util.Map;
import org.sparkmoe.moe.ExpertContext;
import org.sparkmoe.tensor.Parameter;
import org.sparkmoe.tensor.ParameterBox;
import org.sparkmoe.tensor.ParameterInitializer;

/** How widely the first values of an expert's matrices are spread. */
record InitialDeviation(ParameterInitializer initializer, double inner, double outer) {
  static final Map<String, String> OPTIONS =
      Map.of(
          "init-deviation", "standard deviation of the initial matrices into H (0.02)",
          "output-init-deviation", "and of the one back to M (as init-deviation)");

  static InitialDeviation of(ExpertContext context) {
    double inner = context.number("init-deviation", 0.02);
    return new InitialDeviation(
        context.initializer(), inner, context.number("output-init-deviation", inner));
  }

  Parameter inner(ParameterBox box) {
    return initializer.normal(box, inner);
  }

  Parameter outer(ParameterBox box) {
    return initializer.normal(box, outer);
  }

  Parameter zero(ParameterBox box) {
    return initializer.constant(box, 0);
  }
}
