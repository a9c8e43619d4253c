package org.sparkmoe.moe.gate;

import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.sparkmoe.moe.Gate;
import org.sparkmoe.moe.GateDecision;
import org.sparkmoe.moe.GateProvider;
import org.sparkmoe.moe.GateStep;
import org.sparkmoe.moe.ModuleContext;
import org.sparkmoe.moe.SharedLoss;
import org.sparkmoe.moe.Slots;
import org.sparkmoe.moe.TopChoices;
import org.sparkmoe.tensor.Parameter;
import org.sparkmoe.tensor.ParameterBox;

/**
 * DeepSeek-V3 (2024, §2.1.2; balancing without auxiliary loss: Wang et al. 2024): s = σ(h); experts
 * are chosen by s + b, weights are s divided by its sum over the chosen, times a route scale.
 *
 * <p>Group-limited: the score of a group of experts is the sum of its two best s + b, the best
 * groups are kept, then the top k among them. b moves after each step ({@link BiasBalance}).
 *
 * <p>The sequence-wise loss, if asked for, is Σ_e f_e·P_e of each routing group, f_e = E/(k·n)
 * times the tokens of the group that chose e, P_e the mean of s/Σs; averaged over groups. DeepSeek
 * takes a sequence as the group and 1e-4 as {@code moe.aux-loss}.
 */
public final class DeepSeekGate implements GateProvider {

  @Override
  public String name() {
    return "deepseek-v3";
  }

  @Override
  public String source() {
    return "DeepSeek-AI 2024 (DeepSeek-V3), §2.1.2; Wang et al. 2024 (Auxiliary-Loss-Free Load"
        + " Balancing)";
  }

  @Override
  public Map<String, String> options() {
    return Map.of(
        RouterWeight.OPTION,
        RouterWeight.MEANING,
        "bias-rate",
        "γ, how much b moves in a step; 0 leaves it (0.001)",
        "expert-groups",
        "into how many groups of neighbours the experts are divided (1)",
        "kept-groups",
        "how many groups a token may go to (expert-groups)",
        "route-scale",
        "factor of the weights; DeepSeek-V3 has 2.5 (1)",
        "sequence-loss",
        "whether moe.aux-loss applies to the loss of each routing group (false)");
  }

  @Override
  public Gate create(ModuleContext context) {
    GateSettings settings = new GateSettings(context);
    int experts = context.config().experts();
    int groups = settings.wholeNumber("expert-groups", 1, 1);
    int kept = settings.wholeNumber("kept-groups", groups, 1);
    double rate = settings.numberFrom("bias-rate", 1e-3, 0, 1);
    double scale = settings.numberFrom("route-scale", 1, 0, Double.MAX_VALUE);
    boolean sequenceLoss = settings.flag("sequence-loss", false);
    checkGroups(settings, context, groups, kept);
    settings.refuseProblems();
    Parameter bias =
        context
            .initializer()
            .constant(ParameterBox.whole(context.name() + ".bias", false, experts), 0);
    return new DeepSeek(
        RouterWeight.of(context),
        new BiasBalance(bias, rate),
        new GroupLimit(groups, kept),
        scale,
        sequenceLoss);
  }

  private static void checkGroups(
      GateSettings settings, ModuleContext context, int groups, int kept) {
    int experts = context.config().experts();
    int topK = context.config().topK();
    if (groups < 1 || experts % groups != 0) {
      settings.problem(
          "moe.gate-options.expert-groups is %d, must divide moe.experts = %d"
              .formatted(groups, experts));
    } else if (kept > groups || kept * (experts / groups) < topK) {
      settings.problem(
          ("moe.gate-options.kept-groups is %d, must be at most expert-groups = %d and hold at least"
                  + " moe.top-k = %d experts, %d a group")
              .formatted(kept, groups, topK, experts / groups));
    }
  }

  /** The best groups of experts of each token. */
  private record GroupLimit(int groups, int kept) {

    /** {@code scoresSE} with -∞ for the experts of groups that are not kept. */
    Tensor limit(Tensor scoresSE) {
      if (kept == groups) {
        return scoresSE;
      }
      long tokens = scoresSE.size(0);
      long size = scoresSE.size(1) / groups;
      Tensor byGroup = scoresSE.reshape(tokens, groups, size);
      Tensor best = byGroup.topk(Math.min(2, size), 2, true, true).get0().sum(2);
      Tensor allowed =
          torch.zeros_like(best).scatter_(1, TopChoices.of(best, kept), new Scalar(1.0));
      Tensor refused = allowed.eq(new Scalar(0.0)).unsqueeze(2);
      return byGroup
          .masked_fill(refused, new Scalar(Double.NEGATIVE_INFINITY))
          .reshape(tokens, groups * size);
    }
  }

  private record DeepSeek(
      Parameter weight, BiasBalance balance, GroupLimit groups, double scale, boolean sequenceLoss)
      implements Gate {
    private static final double LEAST_SUM = 1e-20;

    @Override
    public List<Parameter> parameters() {
      return List.of(weight, balance.bias());
    }

    @Override
    public GateDecision route(Tensor tokensSM, GateStep step) {
      Tensor logits = tokensSM.matmul(weight.value());
      Tensor scores = logits.sigmoid();
      Tensor biased = scores.detach().add(balance.biasFor(step.again()));
      Tensor chosen = TopChoices.of(groups.limit(biased), step.config().topK());
      if (step.context().training() && !step.again()) {
        balance.record(step.context(), step.worldSum(step.counts(chosen, scores)));
      }
      Tensor ofChosen = scores.gather(1, chosen);
      Tensor weights = normalized(ofChosen).mul(new Scalar(scale));
      Slots slots = step.assign(chosen, ofChosen, false);
      Tensor probabilities = normalized(scores);
      return GateDecision.of(
          slots.routing(weights),
          logits,
          probabilities,
          chosen,
          sequenceLoss && step.balancing() ? sequenceLoss(probabilities, chosen, step) : null);
    }

    private static Tensor normalized(Tensor scores) {
      return scores.div(scores.sum(new long[] {1}, true, null).clamp_min(new Scalar(LEAST_SUM)));
    }

    /** The mean over all routing groups, weighted by their tokens. */
    private static SharedLoss sequenceLoss(Tensor probabilities, Tensor chosen, GateStep step) {
      long experts = probabilities.size(1);
      long n = step.groupTokens();
      Tensor oneHot = torch.zeros_like(probabilities).scatter_(1, chosen, new Scalar(1.0));
      Tensor fraction = oneHot.reshape(step.groups(), n, experts).mean(1);
      Tensor mean = probabilities.reshape(step.groups(), n, experts).mean(1);
      double factor =
          (double) experts / step.config().topK() * n / step.context().microStepTokens();
      Tensor ofTokens = fraction.detach().mul(mean).sum().mul(new Scalar(factor));
      return new SharedLoss(ofTokens.reshape(1), Tensor::sum);
    }
  }
}
