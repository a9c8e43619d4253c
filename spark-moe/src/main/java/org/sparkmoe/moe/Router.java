package org.sparkmoe.moe;

import java.util.ArrayList;
import java.util.List;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.jspecify.annotations.Nullable;
import org.sparkmoe.collective.Communicator;
import org.sparkmoe.tensor.SegmentTape;

/**
 * Runs the gate as a segment of the tape, never below f32, and adds the auxiliary losses that any
 * gate can have.
 */
record Router(Gate gate, MoeConfig config, int layer, ScalarType type, Communicator world) {

  /** What the layer goes on with; all tensors are the tape's. */
  record Routed(Routing routing, Tensor auxLoss, @Nullable Tensor residualS1, RoutingStats stats) {}

  /**
   * @param tokensSM {@code [S, M]} of the compute type
   * @param divisor least common multiple of the pipeline degrees
   */
  Routed route(SegmentTape tape, Tensor tokensSM, StepContext context, long divisor) {
    Capacity capacity = new Capacity(config, tokensSM.size(0), divisor, world);
    GateStep step = new GateStep(context, layer, capacity);
    List<GateDecision> made = new ArrayList<>(1);
    Tensor[] outputs =
        tape.compute(
            new Tensor[] {tokensSM},
            in -> {
              GateDecision decision = gate.route(in[0].to(type), step);
              made.add(decision);
              return outputs(decision, auxLoss(decision, step));
            });
    GateDecision decision = made.get(0);
    int weights = decision.routing().differentiable().length;
    Tensor[] differentiable = new Tensor[weights];
    System.arraycopy(outputs, 0, differentiable, 0, weights);
    return new Routed(
        decision.routing().with(differentiable),
        outputs[weights],
        decision.residualS1() == null ? null : outputs[weights + 1],
        StatsReader.read(decision, outputs[weights], step));
  }

  private static Tensor[] outputs(GateDecision decision, Tensor auxLoss) {
    List<Tensor> outputs = new ArrayList<>(List.of(decision.routing().differentiable()));
    outputs.add(auxLoss);
    if (decision.residualS1() != null) {
      outputs.add(decision.residualS1());
    }
    return outputs.toArray(Tensor[]::new);
  }

  private Tensor auxLoss(GateDecision decision, GateStep step) {
    Tensor sum = torch.zeros(new long[0], decision.logitsSE().detach().options());
    if (!step.context().training()) {
      return sum;
    }
    if (decision.balanceLoss() != null) {
      sum = sum.add(decision.balanceLoss().mul(new Scalar(config.auxLoss())));
    }
    if (config.zLoss() > 0) {
      sum = sum.add(zLoss(decision.logitsSE(), step).mul(new Scalar(config.zLoss())));
    }
    if (config.importanceLoss() > 0) {
      Tensor importance = decision.probabilitiesSE().sum(0);
      sum = sum.add(varied(importance, config.importanceLoss(), step));
    }
    if (config.loadLoss() > 0) {
      sum = sum.add(varied(smoothLoad(decision, step), config.loadLoss(), step));
    }
    return sum;
  }

  private static Tensor zLoss(Tensor logitsSE, GateStep step) {
    Tensor z = torch.logsumexp(logitsSE, 1);
    double tokens = step.context().microStepTokens();
    return z.mul(z).sum().div(new Scalar(tokens));
  }

  private static Tensor varied(Tensor sumsE, double coefficient, GateStep step) {
    return step.share(sumsE, GateStep::squaredVariation).mul(new Scalar(coefficient));
  }

  /**
   * The gate's own estimate, or else the number of tokens that chose each expert (Σ p if the
   * routing is dense), with the gradient of k·Σ p: more probability is taken for more tokens.
   */
  private Tensor smoothLoad(GateDecision decision, GateStep step) {
    if (decision.loadE() != null) {
      return decision.loadE();
    }
    Tensor mass = decision.probabilitiesSE().sum(0);
    Tensor chosen = decision.chosenSK();
    if (chosen == null) {
      return mass;
    }
    Tensor slope = mass.sub(mass.detach()).mul(new Scalar((double) config.topK()));
    return slope.add(step.counts(chosen, mass));
  }
}
