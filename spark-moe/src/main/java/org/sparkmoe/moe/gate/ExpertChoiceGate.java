package org.sparkmoe.moe.gate;

import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.DoubleOptional;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
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
      Tensor taken = taken(probabilities.detach(), step);
      Tensor experts =
          torch.arange(new Scalar((long) step.config().experts())).to(logits.device(), LONG);
      Tensor chosen = torch.where(taken, experts, new Scalar(-1L));
      Slots slots = step.place(chosen, positions(taken, step));
      return GateDecision.of(
          new SparseRouting(slots.slotsSK(), probabilities, slots.capacity()),
          logits,
          probabilities,
          chosen,
          null);
    }

    private static final ScalarType LONG = ScalarType.Long;

    /** {@code [S, E]} bool: which tokens each expert takes. */
    private static Tensor taken(Tensor probabilities, GateStep step) {
      // A NaN counts as the largest, as everywhere, so that it is seen and not lost.
      Tensor scores =
          byGroup(probabilities, step)
              .nan_to_num(
                  new DoubleOptional(2.0), new DoubleOptional(2.0), new DoubleOptional(0.0));
      long limit = step.limit();
      Tensor smallest = scores.topk(limit, 1, true, false).get0().amin(new long[] {1}, true);
      Tensor above = scores.gt(smallest);
      Tensor level = scores.eq(smallest);
      Tensor left = above.sum(new long[] {1}, true, null).neg().add(new Scalar(limit));
      Tensor first = level.logical_and(level.cumsum(1).le(left));
      return above.logical_or(first).reshape(probabilities.sizes().vec().get());
    }

    /** {@code [S, E]} i64: the place of each token among those that the expert took; -1 none. */
    private static Tensor positions(Tensor taken, GateStep step) {
      Tensor counted = byGroup(taken, step).cumsum(1).sub(new Scalar(1L));
      return torch.where(taken, counted.reshape(taken.sizes().vec().get()), new Scalar(-1L));
    }

    private static Tensor byGroup(Tensor ofSE, GateStep step) {
      return ofSE.reshape(step.groups(), step.groupTokens(), ofSE.size(1));
    }
  }
}
