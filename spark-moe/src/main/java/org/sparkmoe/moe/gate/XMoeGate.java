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
import org.sparkmoe.moe.SharedLoss;
import org.sparkmoe.moe.Slots;
import org.sparkmoe.moe.TopChoices;
import org.sparkmoe.tensor.Parameter;
import org.sparkmoe.tensor.ParameterBox;

/**
 * X-MoE (Chi et al. 2022, §3): s_e = cos(x·W, c_e) in a low dimension d, weight of the k best
 * experts softmax(s/τ) or σ(s/τ), τ learnable.
 *
 * <p>d = E/2, but not below an option. We learn log τ, so that τ stays positive. Balancing loss E·Σ
 * f_e·P_e with P = softmax(s/τ0), τ0 fixed, so that τ does not shrink to please it.
 */
public final class XMoeGate implements GateProvider {
  private static final double SOFTMAX_TEMPERATURE = 0.3;
  private static final double SIGMOID_TEMPERATURE = 0.07;
  private static final double INITIAL_DEVIATION = 0.02;
  private static final double CENTROID_NORM = 0.1;

  @Override
  public String name() {
    return "x-moe";
  }

  @Override
  public String source() {
    return "Chi et al. 2022 (On the Representation Collapse of Sparse Mixture of Experts), §3";
  }

  @Override
  public Map<String, String> options() {
    return Map.of(
        "activation", "weights are softmax or sigmoid of s/τ (softmax)",
        "least-dimension", "d is E/2, but at least this (16)");
  }

  @Override
  public Gate create(ModuleContext context) {
    GateSettings settings = new GateSettings(context);
    boolean softmax = context.word("activation", "softmax", "sigmoid").equals("softmax");
    int least = settings.wholeNumber("least-dimension", 16, 1);
    settings.refuseProblems();
    int experts = context.config().experts();
    int dimension = Math.max(least, experts / 2);
    double temperature = softmax ? SOFTMAX_TEMPERATURE : SIGMOID_TEMPERATURE;
    Parameter projection =
        context
            .initializer()
            .normal(
                ParameterBox.whole(
                    context.name() + ".projection", true, context.modelWidth(), dimension),
                INITIAL_DEVIATION);
    Parameter centroids =
        context
            .initializer()
            .orthogonal(
                ParameterBox.whole(context.name() + ".centroids", true, experts, dimension),
                CENTROID_NORM);
    Parameter logTemperature =
        context
            .initializer()
            .constant(
                ParameterBox.whole(context.name() + ".log_temperature", false, 1),
                Math.log(temperature));
    return new XMoe(projection, centroids, logTemperature, softmax, temperature);
  }

  /** projection: {@code [M, d]}; centroids: {@code [E, d]}; logTemperature: {@code [1]}. */
  private record XMoe(
      Parameter projection,
      Parameter centroids,
      Parameter logTemperature,
      boolean softmax,
      double lossTemperature)
      implements Gate {

    @Override
    public List<Parameter> parameters() {
      return List.of(projection, centroids, logTemperature);
    }

    @Override
    public Reach reach() {
      return Reach.TOKEN;
    }

    @Override
    public GateDecision route(Tensor tokensSM, GateStep step) {
      Tensor low = UnitVectors.of(tokensSM.mm(projection.value()));
      Tensor cosines = low.mm(UnitVectors.of(centroids.value()).t());
      Tensor logits = cosines.div(logTemperature.value().exp());
      Tensor probabilities = ExpertSoftmax.of(logits);
      Tensor chosen = TopChoices.of(cosines, step.config().topK());
      Tensor weights =
          softmax ? probabilities.gather(1, chosen) : logits.gather(1, chosen).sigmoid();
      Slots slots = step.assign(chosen, weights, false);
      return GateDecision.of(
          slots.routing(weights),
          logits,
          probabilities,
          chosen,
          step.balancing() ? balanceLoss(cosines, chosen, step) : null);
    }

    private SharedLoss balanceLoss(Tensor cosines, Tensor chosen, GateStep step) {
      return step.balanceLoss(ExpertSoftmax.of(cosines.div(new Scalar(lossTemperature))), chosen);
    }
  }
}
