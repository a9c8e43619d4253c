package org.sparkmoe.moe.gate;

import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.sparkmoe.moe.Gate;
import org.sparkmoe.moe.GateDecision;
import org.sparkmoe.moe.GateProvider;
import org.sparkmoe.moe.GateStep;
import org.sparkmoe.moe.ModuleContext;
import org.sparkmoe.moe.Slots;
import org.sparkmoe.moe.TopChoices;
import org.sparkmoe.tensor.Parameter;

/**
 * GShard's top-2: p = softmax(h); first = argmax p; second by policy. All first choices take places
 * before any second. What is over capacity is dropped, then the two weights are divided by their
 * sum. The balancing loss is E·Σ_e mean(p_e)·mean(first chose e).
 *
 * <p>Second choices, outside training always the plain one: {@code sampling} takes the argmax of h
 * plus Gumbel noise, the first excluded; {@code random} keeps the second best with probability
 * min(1, 2·p2); {@code plain} takes the second best.
 */
public final class GShardGate implements GateProvider {
  private static final int STREAM = 0;

  private enum Second {
    SAMPLING,
    RANDOM,
    PLAIN
  }

  @Override
  public String name() {
    return "gshard";
  }

  @Override
  public String source() {
    return "Lepikhin et al. 2021 (GShard), algorithm 1";
  }

  @Override
  public Map<String, String> options() {
    return Map.of(
        RouterWeight.OPTION,
        RouterWeight.MEANING,
        "second-choice",
        "sampling (default), random or plain");
  }

  @Override
  public Gate create(ModuleContext context) {
    GateSettings settings = new GateSettings(context);
    settings.requireTopTwo("moe.gate gshard");
    String second = context.word("second-choice", "sampling", "random", "plain");
    settings.refuseProblems();
    return new Router(RouterWeight.of(context), Second.valueOf(second.toUpperCase(Locale.ROOT)));
  }

  private record Router(Parameter weight, Second second) implements Gate {

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
      Tensor chosen = choose(logits.detach(), probabilities.detach(), step);
      Tensor first = chosen.narrow(1, 0, 1);
      Tensor best = probabilities.gather(1, chosen.clamp_min(new Scalar(0L)));
      Slots slots = step.assign(chosen, best, true);
      Tensor kept = best.mul(slots.kept().to(best.scalar_type()));
      Tensor sum = kept.sum(new long[] {1}, true, null);
      Tensor weights = kept.div(sum.clamp_min(new Scalar(1e-9)));
      return GateDecision.of(
          slots.routing(weights),
          logits,
          probabilities,
          chosen,
          step.balancing() ? step.balanceLoss(probabilities, first) : null);
    }

    private Tensor choose(Tensor logits, Tensor probabilities, GateStep step) {
      Tensor plain = TopChoices.of(probabilities, 2);
      if (!step.context().training() || second == Second.PLAIN) {
        return plain;
      }
      Tensor first = plain.narrow(1, 0, 1);
      Tensor other =
          second == Second.SAMPLING
              ? sampled(logits, first, step)
              : keptAtRandom(probabilities, plain.narrow(1, 1, 1), step);
      return torch.cat(new TensorVector(first, other), 1);
    }

    private static Tensor sampled(Tensor logits, Tensor first, GateStep step) {
      int experts = Math.toIntExact(logits.size(1));
      Tensor gumbel = step.uniform(STREAM, experts, logits).log_().neg_().log_().neg_();
      Tensor others = gumbel.add_(logits).scatter_(1, first, new Scalar(Double.NEGATIVE_INFINITY));
      return TopChoices.of(others, 1);
    }

    private static Tensor keptAtRandom(Tensor probabilities, Tensor secondBest, GateStep step) {
      Tensor twice = probabilities.gather(1, secondBest).mul(new Scalar(2.0));
      Tensor keep = step.uniform(STREAM, 1, probabilities).lt(twice);
      return torch.where(keep, secondBest, new Scalar(-1L));
    }
  }
}
