package org.sparkmoe.moe.gate;

import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.jspecify.annotations.Nullable;
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
 * Noisy top-k: h + N(0,1)·softplus(x·W_noise), the k largest, softmax over those. Noise in training
 * only. The balancing loss is (cv²(importance) + cv²(load)) / 2, where importance sums the weights
 * of an expert and load the probabilities, over the noise, that it is chosen: P(e) = Φ((h_e −
 * largest others' k-th) / softplus(x·W_noise)_e).
 */
public final class NoisyTopKGate implements GateProvider {
  private static final int STREAM = 0;

  @Override
  public String name() {
    return "noisy-top-k";
  }

  @Override
  public String source() {
    return "Shazeer et al. 2017, §2.1, §4 and appendix A; FSMoE calls it GShard's gate";
  }

  @Override
  public Map<String, String> options() {
    return Map.of(RouterWeight.OPTION, RouterWeight.MEANING);
  }

  @Override
  public Gate create(ModuleContext context) {
    ParameterBox noise =
        ParameterBox.whole(
            context.name() + ".noise", true, context.modelWidth(), context.config().experts());
    return new Router(RouterWeight.of(context), context.initializer().constant(noise, 0));
  }

  private record Router(Parameter weight, Parameter noise) implements Gate {

    @Override
    public List<Parameter> parameters() {
      return List.of(weight, noise);
    }

    @Override
    public Reach reach() {
      return Reach.TOKEN;
    }

    @Override
    public GateDecision route(Tensor tokensSM, GateStep step) {
      int k = step.config().topK();
      Tensor logits = tokensSM.matmul(weight.value());
      Tensor deviation = step.context().training() ? deviation(tokensSM) : null;
      Tensor noisy = deviation == null ? logits : withNoise(logits, deviation, step);
      Tensor chosen = TopChoices.of(noisy, k);
      Tensor weights = ExpertSoftmax.of(noisy.gather(1, chosen));
      Slots slots = step.assign(chosen, weights, false);
      Tensor importance = torch.zeros_like(logits).scatter(1, chosen, weights);
      Tensor load = deviation == null ? null : load(logits, noisy, deviation, k);
      return new GateDecision(
          slots.routing(weights),
          logits,
          importance,
          chosen,
          load == null || !step.balancing() ? null : balanceLoss(importance, load),
          load,
          null);
    }

    private Tensor deviation(Tensor tokensSM) {
      // Not below what keeps 1/deviation finite.
      return torch.softplus(tokensSM.matmul(noise.value())).clamp_min(new Scalar(1e-6));
    }

    private static Tensor withNoise(Tensor logits, Tensor deviation, GateStep step) {
      Tensor normal = step.normal(STREAM, Math.toIntExact(logits.size(1)), logits);
      return logits.add(normal.mul(deviation));
    }

    private static @Nullable Tensor load(Tensor logits, Tensor noisy, Tensor deviation, int k) {
      int experts = Math.toIntExact(logits.size(1));
      if (k == experts) {
        return torch.ones_like(logits).sum(0);
      }
      // An expert among the k stays if it beats the k+1st, another enters if it beats the k-th.
      Tensor best = noisy.gather(1, TopChoices.of(noisy, k + 1));
      Tensor kth = best.narrow(1, k - 1, 1);
      Tensor threshold = torch.where(noisy.ge(kth), best.narrow(1, k, 1), kth);
      return torch.special_ndtr(logits.sub(threshold).div(deviation)).sum(0);
    }

    private static SharedLoss balanceLoss(Tensor importance, Tensor load) {
      long experts = load.size(0);
      return new SharedLoss(
          torch.cat(new TensorVector(importance.sum(0), load)),
          all -> {
            Tensor ofImportance = GateStep.squaredVariation(all.narrow(0, 0, experts));
            Tensor ofLoad = GateStep.squaredVariation(all.narrow(0, experts, experts));
            return ofImportance.add(ofLoad).mul(new Scalar(0.5));
          });
    }
  }
}
