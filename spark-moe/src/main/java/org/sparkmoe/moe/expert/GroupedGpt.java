package org.sparkmoe.moe.expert;

import java.util.function.UnaryOperator;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.sparkmoe.kernel.GroupedProducts;
import org.sparkmoe.kernel.RowGroups;
import org.sparkmoe.moe.ExpertPass;

/**
 * GPT experts over unequal numbers of rows, all at once.
 *
 * @param columns of a tensor {@code [R, M]} those to which this shard's part of b2 is added
 */
record GroupedGpt(
    GroupedProducts products,
    ExpertWeight w1,
    ExpertWeight b1,
    ExpertWeight w2,
    ExpertWeight b2,
    UnaryOperator<Tensor> columns) {

  ExpertPass begin(Tensor inputRM, RowGroups groups) {
    long[] none = {0, w1.parameter().value().size(2)};
    return new Pass(
        this,
        inputRM,
        groups,
        groups.groupOfRow(inputRM.device()),
        torch.empty(none, inputRM.options(), null),
        torch.empty(none, inputRM.options(), null));
  }

  /** As the pass of equal rows; the last two are cells, filled by forward. */
  private record Pass(
      GroupedGpt experts,
      Tensor inputRM,
      RowGroups groups,
      Tensor expertR,
      Tensor innerRH,
      Tensor activeRH)
      implements ExpertPass {

    @Override
    public void forward(long first, Tensor output) {
      innerRH.put(experts.products.rows(inputRM, experts.w1.value(), groups));
      innerRH.add_(experts.b1.value().index_select(0, expertR));
      activeRH.put(torch.gelu(innerRH, "tanh"));
      Tensor outputRM = output.squeeze(0);
      outputRM.copy_(experts.products.rows(activeRH, experts.w2.value(), groups));
      experts.columns.apply(outputRM).add_(experts.b2.value().index_select(0, expertR));
    }

    @Override
    public void backward(long first, Tensor outputGradient, Tensor inputGradient) {
      Tensor activeGradient =
          experts.products.rows(outputGradient.squeeze(0), experts.w2.transposed(), groups);
      innerRH.copy_(torch.gelu_backward(activeGradient, innerRH, "tanh"));
      // The bias sums over all rows, those of no expert as if they were the last one's.
      groups.clearRest(innerRH);
      inputGradient
          .squeeze(0)
          .copy_(experts.products.rows(innerRH, experts.w1.transposed(), groups));
    }

    @Override
    public void weightGradient(long first, Tensor outputGradient) {
      Tensor gradientRM = outputGradient.squeeze(0);
      experts.w2.accumulate(experts.products.matrices(activeRH, gradientRM, groups));
      experts.b2.accumulateRows(experts.columns.apply(gradientRM), expertR);
      experts.w1.accumulate(experts.products.matrices(inputRM, innerRH, groups));
      experts.b1.accumulateRows(innerRH, expertR);
    }
  }
}
