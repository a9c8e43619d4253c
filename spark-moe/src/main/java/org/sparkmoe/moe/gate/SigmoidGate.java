package org.sparkmoe.moe.gate;

import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.jspecify.annotations.Nullable;
import org.sparkmoe.kernel.GateKernels;
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
 * Sigmoid gate of BASE layers (Lewis et al. 2021, §2; also StableMoE): α = σ(x·c_e), centroids c
 * orthogonal at first, of norm 0.1.
 *
 * <p>In training the tokens of each routing group are assigned so that the sum of x·c is the
 * largest at which all experts get equally many ({@link GateKernels#balanced}); in evaluation each
 * token takes its best expert. y = α·Expert(x) + (1−α)·x as in BASE, or α·Expert(x) as FSMoE has
 * it. There is no balancing loss.
 */
public final class SigmoidGate implements GateProvider {
  private static final double CENTROID_NORM = 0.1;

  @Override
  public String name() {
    return "sigmoid";
  }

  @Override
  public String source() {
    return "Lewis et al. 2021 (BASE layers), §2; Dai et al. 2022 (StableMoE); FSMoE §3.1";
  }

  @Override
  public Map<String, String> options() {
    return Map.of(
        "assignment",
        "in training: balanced (equally many tokens for all experts; needs moe.top-k = 1) or"
            + " greedy (balanced)",
        "mix",
        "whether (1−α)·x is added to α·Expert(x); needs moe.top-k = 1 (true if moe.top-k is 1)");
  }

  @Override
  public Gate create(ModuleContext context) {
    GateSettings settings = new GateSettings(context);
    boolean balanced = context.word("assignment", "balanced", "greedy").equals("balanced");
    boolean mix = settings.flag("mix", context.config().topK() == 1);
    if (balanced) {
      settings.requireTopOne("balanced assignment of moe.gate sigmoid");
    }
    if (mix) {
      settings.requireTopOne("mix of moe.gate sigmoid");
    }
    settings.refuseProblems();
    ParameterBox box =
        ParameterBox.whole(
            context.name() + ".centroids", true, context.config().experts(), context.modelWidth());
    return new Sigmoid(context.initializer().orthogonal(box, CENTROID_NORM), balanced, mix);
  }

  /** centroids: {@code [E, M]}. */
  private record Sigmoid(Parameter centroids, boolean balanced, boolean mix) implements Gate {

    @Override
    public List<Parameter> parameters() {
      return List.of(centroids);
    }

    @Override
    public Reach reach() {
      return balanced ? Reach.ROUTING_GROUP : Reach.TOKEN;
    }

    @Override
    public GateDecision route(Tensor tokensSM, GateStep step) {
      Tensor logits = tokensSM.mm(centroids.value().t());
      Tensor chosen =
          balanced && step.context().training()
              ? GateKernels.best().balanced(logits.detach(), step.groupTokens())
              : TopChoices.of(logits, step.config().topK());
      Tensor weights = logits.gather(1, chosen).sigmoid();
      Slots slots = step.assign(chosen, weights, false);
      return new GateDecision(
          slots.routing(weights),
          logits,
          ExpertSoftmax.of(logits),
          chosen,
          null,
          null,
          residual(weights));
    }

    private @Nullable Tensor residual(Tensor weights) {
      return mix ? weights.neg().add(new Scalar(1.0)) : null;
    }
  }
}
