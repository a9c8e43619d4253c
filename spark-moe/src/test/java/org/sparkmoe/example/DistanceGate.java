package org.sparkmoe.example;

import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.sparkmoe.moe.Gate;
import org.sparkmoe.moe.GateDecision;
import org.sparkmoe.moe.GateProvider;
import org.sparkmoe.moe.GateStep;
import org.sparkmoe.moe.ModuleContext;
import org.sparkmoe.moe.Slots;
import org.sparkmoe.moe.TopChoices;
import org.sparkmoe.tensor.Parameter;
import org.sparkmoe.tensor.ParameterBox;

/**
 * Tokens go to the experts whose centroids are nearest: h_e = −‖x − c_e‖²/τ, p = softmax(h), the k
 * largest divided by their sum.
 */
public final class DistanceGate implements GateProvider {

  @Override
  public String name() {
    return "distance";
  }

  @Override
  public String source() {
    return "docs/manual/new-gate.md";
  }

  @Override
  public Map<String, String> options() {
    return Map.of("temperature", "τ (1)");
  }

  @Override
  public Gate create(ModuleContext context) {
    ParameterBox box =
        ParameterBox.whole(
            context.name() + ".centroids", true, context.config().experts(), context.modelWidth());
    Parameter centroids = context.initializer().normal(box, 1);
    return new Distance(centroids, context.number("temperature", 1));
  }

  private record Distance(Parameter centroids, double temperature) implements Gate {

    @Override
    public List<Parameter> parameters() {
      return List.of(centroids);
    }

    @Override
    public GateDecision route(Tensor tokensSM, GateStep step) {
      Tensor logits = squaredDistances(tokensSM).mul(new Scalar(-1 / temperature));
      Tensor probabilities = logits.softmax(1);
      Tensor chosen = TopChoices.of(probabilities, step.config().topK());
      Tensor best = probabilities.gather(1, chosen);
      Tensor weights = best.div(best.sum(new long[] {1}, true, null));
      Slots slots = step.assign(chosen, best, false);
      return GateDecision.of(
          slots.routing(weights),
          logits,
          probabilities,
          chosen,
          step.balancing() ? step.balanceLoss(probabilities, chosen) : null);
    }

    /** {@code [S, E]}: ‖x‖² − 2·x·c + ‖c‖². */
    private Tensor squaredDistances(Tensor tokensSM) {
      Tensor c = centroids.value();
      Tensor ofTokens = tokensSM.mul(tokensSM).sum(new long[] {1}, true, null);
      Tensor ofCentroids = c.mul(c).sum(1);
      return ofTokens.add(ofCentroids).sub(tokensSM.matmul(c.t()).mul(new Scalar(2.0)));
    }
  }
}
