package org.sparkmoe.moe;

import java.util.Random;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.sparkmoe.tensor.Parameter;

/** Central differences of the loss of {@link MoeRun}. */
final class MoeRunGradient {
  private static final double STEP = 1e-5;

  private MoeRunGradient() {}

  static double ofInput(MoeRun.Setup setup, int index) {
    return of(setup, "", index);
  }

  static double of(MoeRun.Setup setup, String parameter, int index) {
    return (loss(setup, parameter, index, STEP) - loss(setup, parameter, index, -STEP))
        / (2 * STEP);
  }

  /** The loss with one element of one parameter, or of the input, changed. */
  private static double loss(MoeRun.Setup setup, String parameter, int index, double step) {
    MoeRun run =
        MoeRun.of(
            setup,
            (layer, tokens) -> {
              Tensor target = tokens;
              for (Parameter candidate : layer.parameters()) {
                target = candidate.name().equals(parameter) ? candidate.value() : target;
              }
              target.detach().view(-1).narrow(0, index, 1).add_(new Scalar(step));
            });
    double[] seeds = new Random(6).doubles(-1, 1).limit(run.output().length).toArray();
    double loss = run.auxLoss();
    for (int i = 0; i < seeds.length; i++) {
      loss += run.output()[i] * seeds[i];
    }
    return loss;
  }
}
