package org.sparkmoe.tensor;

import static org.assertj.core.api.Assertions.assertThat;

import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.Test;

class TensorScopeTest {

  @Test
  void suspendedScopesKeepWhatWasMadeInThemWhateverTheOrderOfTheirClosing() {
    try (TensorScope step = TensorScope.open()) {
      TensorScope first = TensorScope.open();
      Tensor inFirst = torch.ones(1);
      first.suspend();
      TensorScope second = TensorScope.open();
      Tensor inSecond = torch.ones(1);
      second.suspend();
      Tensor outside = torch.ones(1);

      first.close();
      assertThat(inFirst.referenceCount()).isLessThanOrEqualTo(0);
      assertThat(inSecond.referenceCount()).isEqualTo(1);
      second.close();
      assertThat(inSecond.referenceCount()).isLessThanOrEqualTo(0);
      assertThat(outside.referenceCount()).isEqualTo(1);
    }
  }
}
