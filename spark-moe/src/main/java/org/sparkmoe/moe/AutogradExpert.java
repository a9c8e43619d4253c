package org.sparkmoe.moe;

import java.util.List;
import java.util.function.UnaryOperator;
import org.bytedeco.pytorch.AutoGradMode;
import org.bytedeco.pytorch.BoolOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.sparkmoe.tensor.Parameter;

/** Experts whose backward is autograd's, over slices that need not be those of forward. */
record AutogradExpert(List<Parameter> parameters, UnaryOperator<Tensor> function)
    implements Expert {

  @Override
  public ExpertPass begin(Tensor inputERM) {
    return new Pass(inputERM, function);
  }

  private record Pass(Tensor inputERM, UnaryOperator<Tensor> function) implements ExpertPass {

    @Override
    public void forward(long first, Tensor output) {
      output.copy_(function.apply(inputERM.narrow(1, first, output.size(1))));
    }

    @Override
    public void backward(long first, Tensor outputGradient, Tensor inputGradient) {
      try (AutoGradMode recording = new AutoGradMode(true)) {
        Tensor input = inputERM.narrow(1, first, outputGradient.size(1)).detach();
        input.set_requires_grad(true);
        Tensor output = function.apply(input);
        torch.backward(
            new TensorVector(output),
            new TensorVector(outputGradient),
            new BoolOptional(false),
            false,
            new TensorVector());
        Tensor gradient = input.grad();
        if (gradient.defined()) {
          inputGradient.copy_(gradient);
        } else {
          inputGradient.zero_();
        }
      }
    }

    @Override
    public void weightGradient(long first, Tensor outputGradient) {
      // Autograd has done it in backward.
    }
  }
}
