package org.sparkmoe.moe;

import java.util.function.UnaryOperator;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;

/**
 * A loss that looks at all tokens: a function of sums over them. Sums of several chunks of a rank's
 * tokens, and of several ranks, add up, so it does not matter where tokens are.
 *
 * @param sumsN {@code [n]} under autograd: sums over the tokens at hand
 * @param of from {@code [n]}, the sums over all tokens, to a scalar, in torch operations
 */
public record SharedLoss(Tensor sumsN, UnaryOperator<Tensor> of) {

  SharedLoss times(double coefficient) {
    return new SharedLoss(sumsN, all -> of.apply(all).mul(new Scalar(coefficient)));
  }

  SharedLoss with(Tensor otherSumsN) {
    return new SharedLoss(otherSumsN, of);
  }
}
