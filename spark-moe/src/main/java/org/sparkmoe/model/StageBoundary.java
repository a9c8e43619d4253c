package org.sparkmoe.model;

import java.util.ArrayDeque;
import java.util.Deque;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.sparkmoe.collective.Communicator;
import org.sparkmoe.tensor.SegmentTape;
import org.sparkmoe.topology.PipelineGroups;
import org.sparkmoe.topology.PipelineGroups.Link;

/**
 * The residual stream's way from stage to stage. To the tape it is a communication like any other:
 * the adjoint of receiving activations is sending their gradient, and the other way round. So a
 * stage's forward and backward need no partner in the code, only micro-batches in the same order on
 * all stages.
 *
 * <p>A send does not wait for its receiver: one-forward-one-backward schedules would stand still if
 * two neighbours sent to each other and neither received.
 */
final class StageBoundary {
  private final PipelineGroups groups;
  private final Deque<Communicator.Handle> sent = new ArrayDeque<>();

  StageBoundary(PipelineGroups groups) {
    this.groups = groups;
  }

  /**
   * What the stage before sent.
   *
   * @param bufferSM {@code [S, M]}, overwritten
   * @return {@code bufferSM}, on the tape
   */
  Tensor fromPrevious(SegmentTape tape, Tensor bufferSM) {
    groups.previous().forward().broadcast(bufferSM, Link.EARLIER).await();
    return tape.record(
            new Tensor[0],
            new Tensor[] {bufferSM},
            gradients -> {
              send(groups.previous().backward(), gradients[0], Link.LATER);
              return new Tensor[0];
            })[0];
  }

  /**
   * Sends activations to the stage after.
   *
   * @param residualSM {@code [S, M]} on the tape
   * @param zero scalar: this stage's part of the loss, whose backward waits for the gradient of
   *     what was sent
   * @return {@code zero}, on the tape
   */
  Tensor toNext(SegmentTape tape, Tensor residualSM, Tensor zero) {
    send(groups.next().forward(), residualSM, Link.EARLIER);
    return tape.record(
            new Tensor[] {residualSM},
            new Tensor[] {zero},
            gradients -> {
              Tensor gradientSM = torch.empty_like(residualSM);
              groups.next().backward().broadcast(gradientSM, Link.LATER).await();
              return new Tensor[] {gradientSM};
            })[0];
  }

  /** Copies {@code tensor} of the last stage to all; of any shape, alike on all stages. */
  void fromLast(Tensor tensor) {
    groups.column().broadcast(tensor, groups.stages() - 1).await();
  }

  /**
   * Keeps as many sends under way as no schedule exceeds before the receiver has to have taken the
   * oldest, so that waiting for that one never blocks a stage that others wait for.
   */
  private void send(Communicator group, Tensor tensor, int sender) {
    sent.add(group.broadcast(tensor.contiguous(), sender));
    if (sent.size() > 4 * groups.stages()) {
      sent.remove().await();
    }
  }
}
