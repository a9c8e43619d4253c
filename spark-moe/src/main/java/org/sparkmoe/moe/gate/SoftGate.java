package org.sparkmoe.moe.gate;

import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.sparkmoe.moe.DenseRouting;
import org.sparkmoe.moe.Gate;
import org.sparkmoe.moe.GateDecision;
import org.sparkmoe.moe.GateProvider;
import org.sparkmoe.moe.GateStep;
import org.sparkmoe.moe.ModuleContext;
import org.sparkmoe.moe.MoeConfig;
import org.sparkmoe.tensor.Parameter;
import org.sparkmoe.tensor.ParameterBox;

/**
 * Soft MoE (Puigcerver et al. 2024, §2): each of the E·p slots is a mixture of all tokens of a
 * routing group, each token a mixture of all slots.
 *
 * <p>l = scale·x̂·μ̂, with x and the slot parameters μ of unit norm and a learned scale; dispatch
 * is the softmax of l over the tokens of the group, combine its softmax over the E·p slots. p =
 * round(n·c/E), c = k·f, n the tokens of a routing group. The slot parameters depend on p, so that
 * n must be known before training: by {@code moe.routing-group}, or p is given.
 */
public final class SoftGate implements GateProvider {

  @Override
  public String name() {
    return "soft";
  }

  @Override
  public String source() {
    return "Puigcerver et al. 2024 (From Sparse to Soft Mixtures of Experts), §2";
  }

  @Override
  public Map<String, String> options() {
    return Map.of(
        "slots-per-expert",
        "p, slots of each expert for one routing group (moe.routing-group · moe.top-k ·"
            + " moe.capacity-factor / moe.experts)");
  }

  @Override
  public boolean looksAtOtherTokens() {
    return true;
  }

  @Override
  public Gate create(ModuleContext context) {
    GateSettings settings = new GateSettings(context);
    int slots = slotsPerExpert(context.config(), settings);
    settings.refuseProblems();
    int width = context.modelWidth();
    int experts = context.config().experts();
    Parameter mu =
        context
            .initializer()
            .normal(
                ParameterBox.whole(context.name() + ".slots", true, experts, slots, width),
                1 / Math.sqrt(width));
    Parameter scale =
        context.initializer().constant(ParameterBox.whole(context.name() + ".scale", false, 1), 1);
    return new Soft(mu, scale);
  }

  private static int slotsPerExpert(MoeConfig config, GateSettings settings) {
    int given = settings.wholeNumber("slots-per-expert", 0, 0);
    if (given > 0) {
      return given;
    }
    if (config.routingGroup().equals("rank")) {
      settings.problem(
          "moe.gate soft has parameters for each slot: moe.gate-options.slots-per-expert must say"
              + " how many slots an expert has, or moe.routing-group of how many tokens");
      return 1;
    }
    double factor = config.dropless() ? 1 : Double.parseDouble(config.capacityFactor());
    double group = Double.parseDouble(config.routingGroup());
    return (int) Math.max(1, Math.round(group * config.topK() * factor / config.experts()));
  }

  /** mu: {@code [E, p, M]}; scale: {@code [1]}. */
  private record Soft(Parameter mu, Parameter scale) implements Gate {

    @Override
    public List<Parameter> parameters() {
      return List.of(mu, scale);
    }

    @Override
    public Reach reach() {
      return Reach.ROUTING_GROUP;
    }

    @Override
    public GateDecision route(Tensor tokensSM, GateStep step) {
      long experts = mu.value().size(0);
      long slots = mu.value().size(1);
      long capacity = step.rounded(slots * step.groups());
      Tensor muRows = UnitVectors.of(mu.value().reshape(experts * slots, -1));
      Tensor logits = UnitVectors.of(tokensSM).mm(muRows.t()).mul(scale.value());
      Tensor byGroup = logits.reshape(step.groups(), step.groupTokens(), experts * slots);
      Tensor combine = logits.softmax(1).reshape(-1, experts, slots);
      Tensor dispatch = byGroup.softmax(1).reshape(-1, experts, slots);
      return GateDecision.of(
          new DenseRouting(
              inBuffer(dispatch, step, capacity), inBuffer(combine, step, capacity), capacity),
          logits.reshape(-1, experts, slots).logsumexp(2),
          combine.sum(2),
          null,
          null);
    }

    /** From {@code [S, E, p]}, the slots of a token's own group, to {@code [S, E·C]}. */
    private static Tensor inBuffer(Tensor ofGroup, GateStep step, long capacity) {
      long tokens = ofGroup.size(0);
      long experts = ofGroup.size(1);
      long slots = ofGroup.size(2);
      long groups = step.groups();
      Tensor buffer = ofGroup;
      if (groups > 1) {
        Tensor own =
            torch
                .eye(groups, ofGroup.options())
                .to(ScalarType.Bool)
                .reshape(groups, 1, 1, groups, 1);
        Tensor spread = ofGroup.reshape(groups, step.groupTokens(), experts, 1, slots);
        buffer = torch.where(own, spread, new Scalar(0.0)).reshape(tokens, experts, groups * slots);
      }
      long empty = capacity - groups * slots;
      Tensor padded = empty == 0 ? buffer : torch.constant_pad_nd(buffer, 0, empty);
      return padded.reshape(tokens, experts * capacity);
    }
  }
}
