package org.sparkmoe.moe.hook;

import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.sparkmoe.moe.Hook;
import org.sparkmoe.moe.HookProvider;
import org.sparkmoe.moe.ModuleContext;

/**
 * Sends each row as 8-bit integers and one f32 scale: row ≈ scale·q, scale = max |row| / 127, q
 * from -127 to 127. A quarter of the bytes of f32; the error of an element is at most half a scale.
 * A row with a value that is not finite arrives as not a number.
 */
public final class Int8Compression implements HookProvider {

  @Override
  public String name() {
    return "compress-int8";
  }

  @Override
  public String source() {
    return "FSMoE §3.1 (compress before dispatch, decompress after); symmetric, a scale for each row";
  }

  @Override
  public Hook create(ModuleContext context) {
    return new CompressionHook(
        new Int8(context.modelWidth(), context.initializer().precision().computeType()));
  }

  /**
   * A row travels as M bytes of q, 4 bytes of scale, and zeros up to a multiple of 8, seen as i64:
   * an exchange only copies, and communicators carry no bytes.
   */
  private record Int8(int width, ScalarType computeType) implements Compression {
    private static final int SCALE_BYTES = 4;
    private static final double LARGEST = 127;

    @Override
    public Tensor compress(Tensor chunk) {
      Tensor values = chunk.to(ScalarType.Float);
      Tensor scale = values.abs().amax(new long[] {1}, true).div(new Scalar(LARGEST));
      // A scale that is not finite makes the whole row so; what its integers are does not matter.
      Tensor integers =
          values
              .div(scale.clamp_min(new Scalar((double) Float.MIN_NORMAL)))
              .nan_to_num()
              .round()
              .clamp_min(new Scalar(-LARGEST))
              .clamp_max(new Scalar(LARGEST))
              .to(ScalarType.Char);
      TensorVector parts = new TensorVector(integers, scale.view(ScalarType.Char));
      long bytes = width + SCALE_BYTES;
      Tensor row = torch.constant_pad_nd(torch.cat(parts, 1), 0, -bytes & 7);
      return row.view(ScalarType.Long);
    }

    @Override
    public Tensor restore(Tensor compressed) {
      Tensor bytes = compressed.view(ScalarType.Char);
      Tensor scale = bytes.narrow(1, width, SCALE_BYTES).contiguous().view(ScalarType.Float);
      return bytes.narrow(1, 0, width).to(ScalarType.Float).mul(scale).to(computeType);
    }
  }
}
