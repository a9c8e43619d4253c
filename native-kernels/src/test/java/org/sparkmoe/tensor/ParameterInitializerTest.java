package org.sparkmoe.tensor;

import static org.assertj.core.api.Assertions.assertThat;

import org.bytedeco.javacpp.Pointer;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.Test;

class ParameterInitializerTest {
  private final ParameterInitializer initializer = ParameterInitializer.cpu(7, Precision.F32);
  private final ParameterBox whole = ParameterBox.whole("layers.0.w", true, 6, 8);

  @Test
  void everyLayoutStartsFromTheSameModel() {
    try (TensorScope scope = TensorScope.open()) {
      Tensor all = initializer.normal(whole, 0.02).value();
      for (int index = 0; index < 4; index++) {
        Parameter part = initializer.normal(whole.part(1, index, 4), 0.02);
        assertThat(part.value().equal(all.narrow(1, 2L * index, 2))).isTrue();
        assertThat(part.offset()).containsExactly(0, 2L * index);
      }
      Tensor other = initializer.normal(ParameterBox.whole("layers.1.w", true, 6, 8), 1).value();
      assertThat(other.equal(all)).isFalse();
      assertThat(
              initializer
                  .orthogonal(whole, 1)
                  .value()
                  .matmul(initializer.orthogonal(whole, 1).value().t())
                  .sub(torch.eye(6))
                  .abs()
                  .max()
                  .item_double())
          .isLessThan(1e-5);
    }
  }

  @Test
  void theScopeFreesWhatIsNotKeptAndAParameterOutlivesIt() {
    Parameter parameter;
    try (TensorScope scope = TensorScope.open()) {
      parameter = initializer.constant(whole, 3);
    }
    NativeGarbage.awaitGone();
    long before = Pointer.totalCount();
    for (int i = 0; i < 3; i++) {
      try (TensorScope scope = TensorScope.open()) {
        parameter.accumulate(torch.ones_like(parameter.value()));
      }
    }
    assertThat(Pointer.totalCount()).isEqualTo(before);
    try (TensorScope scope = TensorScope.open()) {
      assertThat(parameter.value().sum().item_double()).isEqualTo(3 * 48);
      assertThat(parameter.value().grad().eq(new Scalar(3)).all().item_bool()).isTrue();
      parameter.clearGradient();
      assertThat(parameter.value().grad().defined()).isFalse();
    }
    TensorScope.release(parameter.value());
  }
}
