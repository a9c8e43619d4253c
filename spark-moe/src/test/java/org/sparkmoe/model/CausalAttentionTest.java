package org.sparkmoe.model;

import static org.assertj.core.api.Assertions.assertThat;

import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.sparkmoe.tensor.TensorScope;

class CausalAttentionTest {

  @Test
  void theExplicitWayEqualsTheFusedOne() {
    try (TensorScope scope = TensorScope.open()) {
      Tensor q = torch.randn(2, 4, 9, 8).to(ScalarType.Double);
      Tensor k = torch.randn(2, 4, 9, 8).to(ScalarType.Double);
      Tensor v = torch.randn(2, 4, 9, 8).to(ScalarType.Double);
      assertClose(CausalAttention.explicit(q, k, v), CausalAttention.fused(q, k, v), 1e-12);
    }
  }

  @ParameterizedTest
  @ValueSource(longs = {40, 520})
  void bf16OnTheCpuStaysNearF32WhateverTheLength(long length) {
    try (TensorScope scope = TensorScope.open()) {
      Tensor q = torch.randn(1, 4, length, 8).to(ScalarType.BFloat16);
      Tensor k = torch.randn(1, 2, length, 8).to(ScalarType.BFloat16);
      Tensor v = torch.randn(1, 2, length, 8).to(ScalarType.BFloat16);
      Tensor low = CausalAttention.apply(q, k, v);
      assertThat(low.scalar_type().intern()).isEqualTo(ScalarType.BFloat16);
      ScalarType f32 = ScalarType.Float;
      assertClose(low.to(f32), CausalAttention.apply(q.to(f32), k.to(f32), v.to(f32)), 0.05);
    }
  }

  private static void assertClose(Tensor actual, Tensor expected, double tolerance) {
    assertThat(actual.sub(expected).abs().max().item_double()).isLessThan(tolerance);
  }
}
