package org.sparkmoe.model;

import org.bytedeco.pytorch.AutoGradMode;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.sparkmoe.tensor.Parameter;
import org.sparkmoe.tensor.Precision;
import org.sparkmoe.tensor.SegmentTape;
import org.sparkmoe.tensor.TensorScope;

/**
 * Logits and cross entropy over the rank's own tokens.
 *
 * <p>The backward is written by hand, because {@code [S, V]} is the largest tensor of most models:
 * from forward to backward one copy lives, log softmax in f32, which backward turns into the
 * gradient in place. The product with the head is done in the compute type.
 *
 * @param weight {@code [V, M]}, its own or the token embedding's
 * @param precision of products and of the loss
 */
record OutputHead(Parameter weight, Precision precision) {

  /**
   * @param hiddenSM {@code [S, M]}
   * @return {@code [S, V]} f32 or f64, without history
   */
  Tensor logits(Tensor hiddenSM) {
    try (AutoGradMode off = new AutoGradMode(false)) {
      return TensorScope.compute(
          () -> hiddenSM.matmul(Weights.as(hiddenSM, weight).t()).to(precision.parameterType()));
    }
  }

  /**
   * Negative log-likelihood of the targets, nats, summed over those that carry a loss.
   *
   * @param hiddenSM {@code [S, M]}
   * @param targetsS {@code [S]} i64; negative where a prediction carries no loss
   * @return scalar f32 or f64 on the tape
   */
  Tensor lossSum(SegmentTape tape, Tensor hiddenSM, Tensor targetsS) {
    Tensor logProbabilitiesSV = logProbabilities(hiddenSM);
    Tensor contextS1 = targetsS.unsqueeze(1).lt(new Scalar(0));
    Tensor targetsS1 = targetsS.unsqueeze(1).masked_fill(contextS1, new Scalar(0));
    Tensor[] loss = {
      logProbabilitiesSV.gather(1, targetsS1).masked_fill(contextS1, new Scalar(0)).sum().neg()
    };
    return tape.record(
            new Tensor[] {hiddenSM},
            loss,
            gradients -> {
              Tensor seedsS1 = gradients[0].mul(contextS1.logical_not());
              return new Tensor[] {backward(logProbabilitiesSV, targetsS1, hiddenSM, seedsS1)};
            })[0];
  }

  private Tensor logProbabilities(Tensor hiddenSM) {
    return TensorScope.compute(() -> torch.log_softmax(logits(hiddenSM), 1));
  }

  private Tensor backward(
      Tensor logProbabilitiesSV, Tensor targetsS1, Tensor hiddenSM, Tensor seedsS1) {
    try (AutoGradMode off = new AutoGradMode(false)) {
      return TensorScope.compute(
          () -> {
            Tensor gradientSV = logitGradient(logProbabilitiesSV, targetsS1, seedsS1);
            weight.accumulate(gradientSV.t().matmul(hiddenSM).to(precision.parameterType()));
            return gradientSV.matmul(Weights.as(hiddenSM, weight));
          });
    }
  }

  /** Softmax, less 1 at the target, times the row's seed; in place of the log probabilities. */
  private Tensor logitGradient(Tensor logProbabilitiesSV, Tensor targetsS1, Tensor seedsS1) {
    Tensor gradientSV = logProbabilitiesSV.exp_();
    long[] shape = {targetsS1.size(0), 1};
    Tensor minusOne = torch.full(shape, new Scalar(-1.0), gradientSV.options());
    return gradientSV
        .scatter_add_(1, targetsS1, minusOne)
        .mul_(seedsS1)
        .to(precision.computeType());
  }
}
