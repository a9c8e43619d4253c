package org.sparkmoe.moe.gate;

import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.sparkmoe.kernel.GateKernels;
import org.sparkmoe.moe.Gate;
import org.sparkmoe.moe.GateDecision;
import org.sparkmoe.moe.GateProvider;
import org.sparkmoe.moe.GateStep;
import org.sparkmoe.moe.ModuleContext;
import org.sparkmoe.moe.Slots;
import org.sparkmoe.tensor.Parameter;

/**
 * Expert Choice (Zhou et al. 2022, §3): p = softmax(h) over experts; each expert takes the C tokens
 * of a routing group that have the largest p for it, and p is the weight. C = n·c/E, c = k·f.
 *
 * <p>Load is balanced by construction, so there is no balancing loss. A token may be taken by no
 * expert or by all. Of tokens with equal p the earlier is taken.
 */
public final class ExpertChoiceGate implements GateProvider {

  @Override
  public String name() {
    return "expert-choice";
  }

  @Override
  public String source() {
    return "Zhou et al. 2022 (Mixture-of-Experts with Expert Choice Routing), §3";
  }

  @Override
  public Map<String, String> options() {
    return Map.of(RouterWeight.OPTION, RouterWeight.MEANING);
  }

  @Override
  public boolean looksAtOtherTokens() {
    return true;
  }

  @Override
  public Gate create(ModuleContext context) {
    return new ExpertChoice(RouterWeight.of(context));
  }

  private record ExpertChoice(Parameter weight) implements Gate {

    @Override
    public List<Parameter> parameters() {
      return List.of(weight);
    }

    @Override
    public Reach reach() {
      return Reach.ROUTING_GROUP;
    }

    @Override
    public GateDecision route(Tensor tokensSM, GateStep step) {
      Tensor logits = tokensSM.matmul(weight.value());
      Tensor probabilities = ExpertSoftmax.of(logits);
      Tensor positions =
          GateKernels.best()
              .placesOfTaken(probabilities.detach(), step.groupTokens(), step.limit());
      Tensor experts =
          torch.arange(new Scalar((long) step.config().experts()), positions.options());
      Tensor chosen = torch.where(positions.ge(new Scalar(0L)), experts, new Scalar(-1L));
      Slots slots = step.place(chosen, positions);
      return GateDecision.of(slots.routing(probabilities), logits, probabilities, chosen, null);
    }
  }
}
