package org.sparkmoe.train;

import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.sparkmoe.model.Forward;
import org.sparkmoe.tensor.SegmentTape;
import org.sparkmoe.tensor.TensorScope;

/**
 * One micro-batch between its forward and its backward. Its activations live in a scope of its own,
 * because others may go forward and backward in between.
 */
final class MicroBatchPass implements AutoCloseable {

  /** Passes a micro-batch through the model. */
  @FunctionalInterface
  interface Body {
    Forward forward(SegmentTape tape);
  }

  private final TensorScope scope;
  private final SegmentTape tape;
  private final Forward forward;

  private MicroBatchPass(TensorScope scope, SegmentTape tape, Forward forward) {
    this.scope = scope;
    this.tape = tape;
    this.forward = forward;
  }

  /** Runs the forward pass. */
  static MicroBatchPass forward(Body body) {
    TensorScope scope = TensorScope.open();
    try {
      SegmentTape tape = new SegmentTape();
      MicroBatchPass pass = new MicroBatchPass(scope, tape, body.forward(tape));
      scope.suspend();
      return pass;
    } catch (RuntimeException | Error e) {
      scope.close();
      throw e;
    }
  }

  Forward result() {
    return forward;
  }

  /**
   * Runs the backward pass, which adds to the parameters' gradients.
   *
   * @param lossSeed gradient of the step's loss by this pass's sum of losses
   * @param auxSeed the same by its auxiliary loss
   * @param losses {@code [2]} f64, to which both are added
   */
  void backward(double lossSeed, double auxSeed, Tensor losses) {
    try (TensorScope backward = TensorScope.open()) {
      Tensor loss = forward.lossSum();
      Tensor aux = forward.auxLoss();
      tape.backward(
          new Tensor[] {loss, aux},
          new Tensor[] {
            torch.full_like(loss, new Scalar(lossSeed)), torch.full_like(aux, new Scalar(auxSeed))
          });
      losses.add_(torch.stack(new TensorVector(loss, aux)));
    }
  }

  /** Frees the activations. */
  @Override
  public void close() {
    scope.close();
  }
}
