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
import org.sparkmoe.moe.Expert;
import org.sparkmoe.moe.ExpertContext;
import org.sparkmoe.moe.ExpertPass;
import org.sparkmoe.moe.ExpertProvider;

/**
 * GPT-2's feed-forward: y = gelu(x·W1 + b1)·W2 + b2, gelu in its tanh form.
 *
 * <p>ESP cuts H, and the second bias along M: each shard adds its part of b2 to its columns, so
 * that the sum over shards has it once.
 */
public final class GptExpert implements ExpertProvider {

  @Override
  public String name() {
    return "gpt";
  }

  @Override
  public String source() {
    return "Radford et al. 2019 (GPT-2); FSMoE §3.1 (simple expert)";
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
    ExpertWeight w1 = new ExpertWeight(deviation.inner(context.box("w1", true, 2, m, h)), type);
    ExpertWeight b1 = new ExpertWeight(deviation.zero(context.box("b1", false, 1, h)), type);
    ExpertWeight w2 = new ExpertWeight(deviation.outer(context.box("w2", true, 1, h, m)), type);
    ExpertWeight b2 = new ExpertWeight(deviation.zero(context.box("b2", false, 1, m)), type);
    return new Experts(
        w1,
        b1,
        w2,
        b2,
        context.espIndex() * m / context.espSize(),
        RaggedProducts.of(context).orElse(null));
  }

  /** firstColumn: where this shard's part of b2 lies in M. */
  private record Experts(
      ExpertWeight w1,
      ExpertWeight b1,
      ExpertWeight w2,
      ExpertWeight b2,
      long firstColumn,
      @Nullable GroupedProducts products)
      implements Expert {

    @Override
    public List<org.sparkmoe.tensor.Parameter> parameters() {
      return Stream.of(w1, b1, w2, b2).map(ExpertWeight::parameter).toList();
    }

    @Override
    public List<Expert> each() {
      return w1.experts()
          .<Expert>mapToObj(
              e -> new Experts(w1.only(e), b1.only(e), w2.only(e), b2.only(e), firstColumn, null))
          .toList();
    }

    @Override
    public Optional<Grouped> grouped() {
      return Optional.ofNullable(products)
          .map(taken -> new GroupedGpt(taken, w1, b1, w2, b2, this::columns)::begin);
    }

    @Override
    public ExpertPass begin(Tensor inputERM) {
      long hidden = w1.parameter().value().size(2);
      long[] shape = {inputERM.size(0), inputERM.size(1), hidden};
      return new Pass(
          this,
          inputERM,
          torch.empty(shape, inputERM.options(), null),
          torch.empty(shape, inputERM.options(), null));
    }

    Tensor columns(Tensor ofM) {
      return ofM.narrow(-1, firstColumn, b2.parameter().value().size(1));
    }
  }

  /** innerERH: x·W1 + b1, in backward overwritten with its gradient; activeERH: gelu of it. */
  private record Pass(Experts experts, Tensor inputERM, Tensor innerERH, Tensor activeERH)
      implements ExpertPass {

    @Override
    public void forward(long first, Tensor output) {
      long rows = output.size(1);
      Tensor inner = innerERH.narrow(1, first, rows);
      Tensor active = activeERH.narrow(1, first, rows);
      Tensor bias = experts.b1.value().unsqueeze(1);
      torch.baddbmm_out(inner, bias, inputERM.narrow(1, first, rows), experts.w1.value());
      torch.gelu_out(active, inner, "tanh");
      torch.bmm_out(output, active, experts.w2.value());
      experts.columns(output).add_(experts.b2.value().unsqueeze(1));
    }

    @Override
    public void backward(long first, Tensor outputGradient, Tensor inputGradient) {
      Tensor inner = innerERH.narrow(1, first, outputGradient.size(1));
      Tensor activeGradient = torch.bmm(outputGradient, experts.w2.transposed());
      inner.copy_(torch.gelu_backward(activeGradient, inner, "tanh"));
      torch.bmm_out(inputGradient, inner, experts.w1.transposed());
    }

    @Override
    public void weightGradient(long first, Tensor outputGradient) {
      long rows = outputGradient.size(1);
      Tensor innerGradient = innerERH.narrow(1, first, rows);
      experts.w2.accumulateProduct(activeERH.narrow(1, first, rows), outputGradient);
      experts.b2.accumulateRows(experts.columns(outputGradient));
      experts.w1.accumulateProduct(inputERM.narrow(1, first, rows), innerGradient);
      experts.b1.accumulateRows(innerGradient);
    }
  }
}
