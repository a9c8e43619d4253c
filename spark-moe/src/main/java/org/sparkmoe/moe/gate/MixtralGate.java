package org.sparkmoe.moe.gate;

import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;
import org.sparkmoe.moe.Gate;
import org.sparkmoe.moe.GateDecision;
import org.sparkmoe.moe.GateProvider;
import org.sparkmoe.moe.GateStep;
import org.sparkmoe.moe.ModuleContext;
import org.sparkmoe.moe.Slots;
import org.sparkmoe.moe.TopChoices;
import org.sparkmoe.tensor.Parameter;

/**
 * Mixtral's top-k: p = softmax(h) over all experts; the k largest, divided by their sum. The
 * balancing loss is Hugging Face's: E·Σ_e (assignments to e / tokens)·mean(p_e), not divided by k.
 */
public final class MixtralGate implements GateProvider {

  @Override
  public String name() {
    return "mixtral";
  }

  @Override
  public String source() {
    return "Jiang et al. 2024 (Mixtral of Experts); Hugging Face transformers for the loss";
  }

  @Override
  public Map<String, String> options() {
    return Map.of(RouterWeight.OPTION, RouterWeight.MEANING);
  }

  @Override
  public Gate create(ModuleContext context) {
    return new Router(RouterWeight.of(context));
  }

  private record Router(Parameter weight) implements Gate {

    @Override
    public List<Parameter> parameters() {
      return List.of(weight);
    }

    @Override
    public Reach reach() {
      return Reach.TOKEN;
    }

    @Override
    public GateDecision route(Tensor tokensSM, GateStep step) {
      Tensor logits = tokensSM.matmul(weight.value());
      Tensor probabilities = ExpertSoftmax.of(logits);
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
  }
}
