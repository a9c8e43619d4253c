package org.sparkmoe.train;

import java.util.List;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.sparkmoe.moe.Gate;
import org.sparkmoe.moe.GateDecision;
import org.sparkmoe.moe.GateProvider;
import org.sparkmoe.moe.GateStep;
import org.sparkmoe.moe.ModuleContext;
import org.sparkmoe.moe.Slots;
import org.sparkmoe.moe.TopChoices;
import org.sparkmoe.tensor.Parameter;

/** Sends every token to the same experts. */
public final class CollapsedGate implements GateProvider {

  @Override
  public String name() {
    return "collapsed";
  }

  @Override
  public String source() {
    return "none";
  }

  @Override
  public Gate create(ModuleContext context) {
    return new ToTheLast();
  }

  private record ToTheLast() implements Gate {

    @Override
    public List<Parameter> parameters() {
      return List.of();
    }

    @Override
    public GateDecision route(Tensor tokensSM, GateStep step) {
      int experts = step.config().experts();
      Tensor ramp = torch.arange(new Scalar(experts)).to(tokensSM.dtype());
      Tensor logits = tokensSM.narrow(1, 0, 1).mul(new Scalar(0)).add(ramp.view(1, experts));
      Tensor probabilities = logits.softmax(1);
      Tensor chosen = TopChoices.of(probabilities, step.config().topK());
      Tensor weights = probabilities.gather(1, chosen);
      Slots slots = step.assign(chosen, weights, false);
      return GateDecision.of(slots.routing(weights), logits, probabilities, chosen, null);
    }
  }
}
