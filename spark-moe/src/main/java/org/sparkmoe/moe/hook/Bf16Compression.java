package org.sparkmoe.moe.hook;

import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.sparkmoe.moe.Hook;
import org.sparkmoe.moe.HookProvider;
import org.sparkmoe.moe.ModuleContext;

/**
 * Sends bf16: half the bytes of f32, 8 bits of precision. Nothing changes if that is computed in.
 */
public final class Bf16Compression implements HookProvider {

  @Override
  public String name() {
    return "compress-bf16";
  }

  @Override
  public String source() {
    return "FSMoE §3.1 (compress before dispatch, decompress after)";
  }

  @Override
  public Hook create(ModuleContext context) {
    return new CompressionHook(new Bf16(context.initializer().precision().computeType()));
  }

  private record Bf16(ScalarType computeType) implements Compression {

    @Override
    public Tensor compress(Tensor chunk) {
      return chunk.to(ScalarType.BFloat16);
    }

    @Override
    public Tensor restore(Tensor compressed) {
      return compressed.to(computeType);
    }
  }
}
