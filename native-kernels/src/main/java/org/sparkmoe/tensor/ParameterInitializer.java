package org.sparkmoe.tensor;

import java.nio.charset.StandardCharsets;
import java.util.zip.CRC32C;
import org.bytedeco.pytorch.Device;
import org.bytedeco.pytorch.Generator;
import org.bytedeco.pytorch.GeneratorOptional;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/**
 * Gives parameters their first values, as a function of the seed and the name of the whole tensor,
 * so that every layout starts from the same model. The values are drawn in f32 on the CPU for every
 * precision and device.
 *
 * @param seed of the model
 * @param precision decides the type of the parameters
 * @param device where they go
 */
public record ParameterInitializer(long seed, Precision precision, Device device) {

  /** On the CPU. */
  public static ParameterInitializer cpu(long seed, Precision precision) {
    return new ParameterInitializer(seed, precision, new Device("cpu"));
  }

  /** Normally distributed around 0. */
  public Parameter normal(ParameterBox box, double standardDeviation) {
    try (TensorScope scope = TensorScope.open()) {
      Tensor whole = gaussian(box).mul(new Scalar(standardDeviation));
      return parameter(box, cut(whole, box));
    }
  }

  /** All the same value. */
  public Parameter constant(ParameterBox box, double value) {
    try (TensorScope scope = TensorScope.open()) {
      return parameter(box, torch.full(box.shape(), new Scalar(value)));
    }
  }

  /** Rows (or columns, whichever are fewer) of a matrix orthogonal to each other, of norm gain. */
  public Parameter orthogonal(ParameterBox box, double gain) {
    try (TensorScope scope = TensorScope.open()) {
      long rows = box.fullShape()[0];
      long columns = box.fullShape()[1];
      Tensor normal = gaussian(box);
      Tensor tall = rows < columns ? normal.t() : normal;
      Tensor q = torch.linalg_qr(tall).get0();
      Tensor whole = (rows < columns ? q.t() : q).mul(new Scalar(gain));
      return parameter(box, cut(whole, box));
    }
  }

  private Tensor gaussian(ParameterBox box) {
    CRC32C crc = new CRC32C();
    crc.update(box.name().getBytes(StandardCharsets.UTF_8));
    Generator generator = torch.make_generator_cpu(seed * 0x9E3779B97F4A7C15L + crc.getValue());
    // A LongArrayRef does not own the array it was made from: only long... is safe for shapes.
    return torch.empty(box.fullShape()).normal_(0, 1, new GeneratorOptional(generator));
  }

  private static Tensor cut(Tensor whole, ParameterBox box) {
    Tensor part = whole;
    for (int d = 0; d < box.shape().length; d++) {
      part = part.narrow(d, box.offset()[d], box.shape()[d]);
    }
    return part;
  }

  private Parameter parameter(ParameterBox box, Tensor values) {
    Tensor leaf =
        values
            .to(device, precision.parameterType())
            .contiguous()
            .clone()
            .detach()
            .set_requires_grad(true);
    return new Parameter(
        box.name(),
        TensorScope.keep(leaf),
        box.replication(),
        box.fullShape(),
        box.offset(),
        box.decay(),
        null);
  }
}
