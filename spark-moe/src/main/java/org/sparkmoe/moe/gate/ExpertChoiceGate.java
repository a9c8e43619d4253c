package org.sparkmoe.moe.gate;

import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.DoubleOptional;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.sparkmoe.moe.Gate;
import org.sparkmoe.moe.GateDecision;
import org.sparkmoe.moe.GateProvider;
import org.sparkmoe.moe.GateStep;
import org.sparkmoe.moe.ModuleContext;
import org.sparkmoe.moe.Slots;
import org.sparkmoe.moe.SparseRouting;
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
    public GateDecision route(Tensor tokensSM, GateStep step) {
      Tensor logits = tokensSM.matmul(weight.value());
      Tensor probabilities = logits.softmax(1);
      Tensor takenGEN = taken(byExpert(probabilities.detach(), step), step.limit());
      Tensor placesGEN = takenGEN.cumsum(2).sub(new Scalar(1L));
      Tensor positions =
          byToken(torch.where(takenGEN, placesGEN, new Scalar(-1L)), probabilities.size(1));
      Tensor experts =
          torch.arange(new Scalar((long) step.config().experts()), positions.options());
      Tensor chosen = torch.where(positions.ge(new Scalar(0L)), experts, new Scalar(-1L));
      Slots slots = step.place(chosen, positions);
      return GateDecision.of(
          new SparseRouting(slots.slotsSK(), probabilities, slots.capacity()),
          logits,
          probabilities,
          chosen,
          null);
    }

    /** {@code [groups, E, n]} bool: which tokens each expert takes. */
    private static Tensor taken(Tensor probabilitiesGEN, long limit) {
      // A NaN counts as the largest, as everywhere, so that it is seen and not lost.
      DoubleOptional aboveAll = new DoubleOptional(2.0);
      Tensor scores =
          probabilitiesGEN.nan_to_num(aboveAll, aboveAll, new DoubleOptional(0.0)).contiguous();
      Tensor smallest = scores.topk(limit, 2, true, false).get0().amin(new long[] {2}, true);
      Tensor above = scores.gt(smallest);
      Tensor level = scores.eq(smallest);
      Tensor left = above.sum(new long[] {2}, true, null).neg().add(new Scalar(limit));
      return above.logical_or(level.logical_and(level.cumsum(2).le(left)));
    }

    private static Tensor byExpert(Tensor ofSE, GateStep step) {
      return ofSE.reshape(step.groups(), step.groupTokens(), ofSE.size(1))
          .transpose(1, 2)
          .contiguous();
    }

    private static Tensor byToken(Tensor ofGEN, long experts) {
      return ofGEN.transpose(1, 2).reshape(-1, experts);
    }
  }
}
