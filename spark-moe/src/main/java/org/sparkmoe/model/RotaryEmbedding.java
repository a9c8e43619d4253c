package org.sparkmoe.model;

import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.sparkmoe.tensor.ParameterInitializer;
import org.sparkmoe.tensor.TensorScope;

/**
 * Rotary positions (Su 2021) as in Llama and Mixtral: at position p the pair (x_i, x_{i+D/2}) turns
 * by the angle p·θ^(−2i/D).
 *
 * @param cosLD {@code [maxL, D/2]} f32 or f64
 * @param sinLD {@code [maxL, D/2]} f32 or f64
 */
record RotaryEmbedding(Tensor cosLD, Tensor sinLD) {

  static RotaryEmbedding create(ModelConfig config, ParameterInitializer initializer) {
    try (TensorScope scope = TensorScope.open()) {
      int half = config.headWidth() / 2;
      Tensor exponents =
          torch
              .arange(new Scalar((double) half))
              .to(ScalarType.Double)
              .mul(new Scalar(-Math.log(config.ropeTheta()) / half));
      Tensor positions =
          torch.arange(new Scalar((double) config.maxSequenceLength())).to(ScalarType.Double);
      Tensor angles = torch.outer(positions, exponents.exp());
      ScalarType type = initializer.precision().parameterType();
      return new RotaryEmbedding(
          TensorScope.keep(angles.cos().to(initializer.device(), type)),
          TensorScope.keep(angles.sin().to(initializer.device(), type)));
    }
  }

  /**
   * @param x {@code [B, H, L, D]}
   * @return the same shape and dtype
   */
  Tensor apply(Tensor x) {
    long length = x.size(2);
    long half = x.size(3) / 2;
    Tensor cos = cosLD.narrow(0, 0, length);
    Tensor sin = sinLD.narrow(0, 0, length);
    Tensor first = x.narrow(3, 0, half);
    Tensor second = x.narrow(3, half, half);
    Tensor turned =
        torch.cat(
            new TensorVector(
                first.mul(cos).sub(second.mul(sin)), second.mul(cos).add(first.mul(sin))),
            3);
    return turned.to(x.scalar_type());
  }
}
