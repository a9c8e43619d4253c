package org.sparkmoe.moe.expert;

import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.sparkmoe.kernel.GroupedProducts;
import org.sparkmoe.kernel.LayerKernels;
import org.sparkmoe.kernel.RowGroups;
import org.sparkmoe.moe.ExpertPass;

/** SwiGLU experts over unequal numbers of rows, all at once. */
record GroupedMixtral(GroupedProducts products, ExpertWeight w1, ExpertWeight w2, ExpertWeight w3) {

  ExpertPass begin(Tensor inputRM, RowGroups groups) {
    long[] none = {0, w1.parameter().value().size(2)};
    return new Pass(
        this,
        inputRM,
        groups,
        torch.empty(none, inputRM.options(), null),
        torch.empty(none, inputRM.options(), null),
        torch.empty(none, inputRM.options(), null));
  }

  /** As the pass of equal rows; the last three are cells, filled by forward. */
  private record Pass(
      GroupedMixtral experts,
      Tensor inputRM,
      RowGroups groups,
      Tensor gateRH,
      Tensor upRH,
      Tensor activeRH)
      implements ExpertPass {

    @Override
    public void forward(long first, Tensor output) {
      GroupedProducts products = experts.products;
      gateRH.put(products.rows(inputRM, experts.w1.value(), groups));
      upRH.put(products.rows(inputRM, experts.w3.value(), groups));
      activeRH.put(torch.empty_like(gateRH));
      LayerKernels.best().swiGlu(gateRH.unsqueeze(0), upRH.unsqueeze(0), activeRH.unsqueeze(0));
      output.squeeze(0).copy_(products.rows(activeRH, experts.w2.value(), groups));
    }

    @Override
    public void backward(long first, Tensor outputGradient, Tensor inputGradient) {
      GroupedProducts products = experts.products;
      Tensor activeGradient =
          products.rows(outputGradient.squeeze(0), experts.w2.transposed(), groups);
      LayerKernels.best()
          .swiGluGradient(activeGradient.unsqueeze(0), gateRH.unsqueeze(0), upRH.unsqueeze(0));
      Tensor byGate = products.rows(gateRH, experts.w1.transposed(), groups);
      Tensor byUp = products.rows(upRH, experts.w3.transposed(), groups);
      torch.add_out(inputGradient.squeeze(0), byGate, byUp);
    }

    @Override
    public void weightGradient(long first, Tensor outputGradient) {
      GroupedProducts products = experts.products;
      experts.w2.accumulate(products.matrices(activeRH, outputGradient.squeeze(0), groups));
      experts.w1.accumulate(products.matrices(inputRM, gateRH, groups));
      experts.w3.accumulate(products.matrices(inputRM, upRH, groups));
    }
  }
}
