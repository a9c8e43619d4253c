package org.sparkmoe.moe.expert;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.jspecify.annotations.Nullable;
import org.sparkmoe.kernel.GroupedProducts;
import org.sparkmoe.kernel.LayerKernels;
import org.sparkmoe.moe.Expert;
import org.sparkmoe.moe.ExpertContext;
import org.sparkmoe.moe.ExpertPass;
import org.sparkmoe.moe.ExpertProvider;
import org.sparkmoe.tensor.Parameter;

/** Mixtral's feed-forward (SwiGLU, no bias): y = (silu(x·W1) ⊙ (x·W3))·W2. ESP cuts H. */
public final class MixtralExpert implements ExpertProvider {

  @Override
  public String name() {
    return "mixtral";
  }

  @Override
  public String source() {
    return "Jiang et al. 2024 (Mixtral of Experts); Shazeer 2020 (SwiGLU); FSMoE §3.1";
  }

  @Override
  public Map<String, String> options() {
    return RaggedProducts.OPTIONS;
  }

  @Override
  public Expert create(ExpertContext context) {
    long m = context.modelWidth();
    long h = context.hiddenSize();
    InitialDeviation deviation = InitialDeviation.of(context);
    ScalarType type = context.initializer().precision().computeType();
    return new Experts(
        new ExpertWeight(deviation.inner(context.box("w1", true, 2, m, h)), type),
        new ExpertWeight(deviation.outer(context.box("w2", true, 1, h, m)), type),
        new ExpertWeight(deviation.inner(context.box("w3", true, 2, m, h)), type),
        RaggedProducts.of(context).orElse(null));
  }

  private record Experts(
      ExpertWeight w1, ExpertWeight w2, ExpertWeight w3, @Nullable GroupedProducts products)
      implements Expert {

    @Override
    public List<Parameter> parameters() {
      return Stream.of(w1, w2, w3).map(ExpertWeight::parameter).toList();
    }

    @Override
    public List<Expert> each() {
      return w1.experts()
          .<Expert>mapToObj(e -> new Experts(w1.only(e), w2.only(e), w3.only(e), null))
          .toList();
    }

    @Override
    public Optional<Grouped> grouped() {
      return Optional.ofNullable(products)
          .map(taken -> new GroupedMixtral(taken, w1, w2, w3)::begin);
    }

    @Override
    public ExpertPass begin(Tensor inputERM) {
      long hidden = w1.parameter().value().size(2);
      long[] shape = {inputERM.size(0), inputERM.size(1), hidden};
      return new Pass(
          this,
          inputERM,
          torch.empty(shape, inputERM.options(), null),
          torch.empty(shape, inputERM.options(), null),
          torch.empty(shape, inputERM.options(), null));
    }
  }

  /**
   * What backward needs; gradients overwrite the first two.
   *
   * @param gateERH x·W1
   * @param upERH x·W3
   * @param activeERH silu(x·W1) ⊙ x·W3
   */
  private record Pass(
      Experts experts, Tensor inputERM, Tensor gateERH, Tensor upERH, Tensor activeERH)
      implements ExpertPass {

    @Override
    public void forward(long first, Tensor output) {
      long rows = output.size(1);
      Tensor input = inputERM.narrow(1, first, rows);
      Tensor gate = gateERH.narrow(1, first, rows);
      Tensor up = upERH.narrow(1, first, rows);
      Tensor active = activeERH.narrow(1, first, rows);
      torch.bmm_out(gate, input, experts.w1.value());
      torch.bmm_out(up, input, experts.w3.value());
      LayerKernels.best().swiGlu(gate, up, active);
      torch.bmm_out(output, active, experts.w2.value());
    }

    @Override
    public void backward(long first, Tensor outputGradient, Tensor inputGradient) {
      long rows = outputGradient.size(1);
      Tensor gate = gateERH.narrow(1, first, rows);
      Tensor up = upERH.narrow(1, first, rows);
      Tensor activeGradient = torch.bmm(outputGradient, experts.w2.transposed());
      LayerKernels.best().swiGluGradient(activeGradient, gate, up);
      torch.bmm_out(inputGradient, gate, experts.w1.transposed());
      inputGradient.baddbmm_(up, experts.w3.transposed());
    }

    @Override
    public void weightGradient(long first, Tensor outputGradient) {
      long rows = outputGradient.size(1);
      Tensor input = inputERM.narrow(1, first, rows);
      experts.w2.accumulateProduct(activeERH.narrow(1, first, rows), outputGradient);
      experts.w1.accumulateProduct(input, gateERH.narrow(1, first, rows));
      experts.w3.accumulateProduct(input, upERH.narrow(1, first, rows));
    }
  }
}
