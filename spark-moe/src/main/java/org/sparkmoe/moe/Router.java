package org.sparkmoe.moe;

import java.util.ArrayList;
import java.util.List;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.jspecify.annotations.Nullable;
import org.sparkmoe.collective.Communicator;
import org.sparkmoe.tensor.DeviceMemory;
import org.sparkmoe.tensor.SegmentTape;

/**
 * Runs the gate as a segment of the tape, never below f32, and adds the auxiliary losses that any
 * gate can have. Tokens of a rank may come in chunks; the losses are one for all of them.
 */
record Router(Gate gate, MoeConfig config, int layer, ScalarType type, Communicator world) {

  /**
   * What a call of the gate leaves; tensors that have a gradient are the tape's.
   *
   * @param losses sums over the tokens of the call, coefficients applied
   * @param counts {@link RoutingCounts#of}'s
   */
  record Routed(
      Routing routing, @Nullable Tensor residualS1, List<SharedLoss> losses, Tensor counts) {}

  /** What is known when all tokens are routed. */
  record Outcome(Tensor auxLoss, RoutingCounts routing) {}

  /** Whether calls with chunks of {@code chunk} tokens decide as one call with all of them. */
  boolean decidesByChunk(long tokens, long chunk) {
    boolean groupsFit = chunk % config.groupTokens(tokens) == 0;
    return switch (gate.reach()) {
      case TOKEN -> config.dropless() || groupsFit;
      case ROUTING_GROUP -> groupsFit;
      case RANK -> false;
    };
  }

  /** The step of tokens that the gate sees at once. */
  GateStep step(SegmentTape tape, StepContext context, long tokens, long divisor) {
    Capacity capacity = new Capacity(config, tokens, divisor, world);
    return new GateStep(context, tape.isAgain(), layer, capacity);
  }

  /**
   * @param tokensSM {@code [S, M]} of the compute type
   * @param step of these tokens
   */
  Routed route(SegmentTape tape, Tensor tokensSM, GateStep step) {
    List<GateDecision> made = new ArrayList<>(1);
    List<SharedLoss> losses = new ArrayList<>();
    Tensor[] outputs =
        tape.compute(
            new Tensor[] {tokensSM},
            in -> {
              GateDecision decision = gate.route(in[0].to(type), step);
              made.add(decision);
              losses.addAll(losses(decision, step));
              return outputs(decision, losses);
            });
    GateDecision decision = made.get(0);
    int weights = decision.routing().differentiable().length;
    Tensor[] differentiable = new Tensor[weights];
    System.arraycopy(outputs, 0, differentiable, 0, weights);
    List<SharedLoss> onTape = new ArrayList<>();
    for (int i = 0; i < losses.size(); i++) {
      onTape.add(losses.get(i).with(outputs[weights + i]));
    }
    return new Routed(
        decision.routing().with(differentiable),
        decision.residualS1() == null ? null : outputs[outputs.length - 1],
        List.copyOf(onTape),
        RoutingCounts.of(decision, step));
  }

  /**
   * Sums over ranks what calls of the gate left. Every rank calls it at the same time.
   *
   * @param losses with the sums over this rank's tokens, on the tape
   * @param counts sum over the calls
   * @param step of all tokens of this rank
   */
  Outcome finish(SegmentTape tape, List<SharedLoss> losses, Tensor counts, GateStep step) {
    Tensor auxLoss = DeviceMemory.zeros(counts.device(), type);
    if (!losses.isEmpty()) {
      auxLoss =
          tape.compute(
                  losses.stream().map(SharedLoss::sumsN).toArray(Tensor[]::new),
                  sums -> new Tensor[] {step.share(together(losses, sums))})[0];
    }
    return new Outcome(auxLoss, RoutingCounts.finished(counts, auxLoss, step));
  }

  /** The sum of all losses as one, so that ranks sum once. */
  private static SharedLoss together(List<SharedLoss> losses, Tensor[] sums) {
    return new SharedLoss(
        torch.cat(new TensorVector(sums)),
        all -> {
          TensorVector terms = new TensorVector();
          long first = 0;
          for (int i = 0; i < sums.length; i++) {
            long size = sums[i].size(0);
            terms.push_back(losses.get(i).of().apply(all.narrow(0, first, size)));
            first += size;
          }
          return torch.stack(terms).sum();
        });
  }

  private static Tensor[] outputs(GateDecision decision, List<SharedLoss> losses) {
    List<Tensor> outputs = new ArrayList<>(List.of(decision.routing().differentiable()));
    losses.forEach(loss -> outputs.add(loss.sumsN()));
    if (decision.residualS1() != null) {
      outputs.add(decision.residualS1());
    }
    return outputs.toArray(Tensor[]::new);
  }

  private List<SharedLoss> losses(GateDecision decision, GateStep step) {
    List<SharedLoss> losses = new ArrayList<>();
    if (!step.context().training()) {
      return losses;
    }
    if (decision.balanceLoss() != null) {
      losses.add(decision.balanceLoss().times(config.auxLoss()));
    }
    if (config.zLoss() > 0) {
      losses.add(zLoss(decision.logitsSE(), step).times(config.zLoss()));
    }
    if (config.importanceLoss() > 0) {
      losses.add(varied(decision.probabilitiesSE().sum(0)).times(config.importanceLoss()));
    }
    if (config.loadLoss() > 0) {
      losses.add(varied(smoothLoad(decision, step)).times(config.loadLoss()));
    }
    return losses;
  }

  private static SharedLoss zLoss(Tensor logitsSE, GateStep step) {
    Tensor z = torch.logsumexp(logitsSE, 1);
    double tokens = step.context().microStepTokens();
    return new SharedLoss(z.mul(z).sum().reshape(1), all -> all.sum().div(new Scalar(tokens)));
  }

  private static SharedLoss varied(Tensor sumsE) {
    return new SharedLoss(sumsE, GateStep::squaredVariation);
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
