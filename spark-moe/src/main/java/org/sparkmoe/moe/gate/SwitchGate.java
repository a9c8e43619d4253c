package org.sparkmoe.moe.gate;

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

/**
 * Switch top-1 (Fedus et al. 2021, §2): p = softmax(h), y = p_i·Expert_i(x) with i = argmax p.
 *
 * <p>In training the router sees x times U[1−ε, 1+ε], drawn for each element; the experts see x.
 * Balancing loss E·Σ f_e·P_e, f_e the share of tokens that chose e and P_e the mean probability.
 */
public final class SwitchGate implements GateProvider {

  @Override
  public String name() {
    return "switch";
  }

  @Override
  public String source() {
    return "Fedus et al. 2021 (Switch Transformers), §2";
  }

  @Override
  public Map<String, String> options() {
    return Map.of(
        RouterWeight.OPTION,
        RouterWeight.MEANING,
        "jitter",
        "ε: in training the router's input is times U[1−ε, 1+ε] (0.01)");
  }

  @Override
  public Gate create(ModuleContext context) {
    GateSettings settings = new GateSettings(context);
    settings.requireTopOne("moe.gate switch");
    double jitter = settings.numberFrom("jitter", 0.01, 0, 1);
    settings.refuseProblems();
    return new Switch(RouterWeight.of(context), jitter);
  }

  private record Switch(Parameter weight, double jitter) implements Gate {

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
      Tensor logits = jittered(tokensSM, step).matmul(weight.value());
      Tensor probabilities = ExpertSoftmax.of(logits);
      Tensor chosen = TopChoices.of(logits, 1);
      Tensor weights = probabilities.gather(1, chosen);
      Slots slots = step.assign(chosen, weights, false);
      return GateDecision.of(
          slots.routing(weights),
          logits,
          probabilities,
          chosen,
          step.balancing() ? step.balanceLoss(probabilities, chosen) : null);
    }

    private Tensor jittered(Tensor tokensSM, GateStep step) {
      if (!step.context().training() || jitter == 0) {
        return tokensSM;
      }
      Tensor factors = step.uniform(0, Math.toIntExact(tokensSM.size(1)), tokensSM);
      return tokensSM.mul(factors.mul_(new Scalar(2 * jitter)).add_(new Scalar(1 - jitter)));
    }
  }
}
