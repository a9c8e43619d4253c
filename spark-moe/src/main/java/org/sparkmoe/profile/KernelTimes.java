package org.sparkmoe.profile;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.AutoGradMode;
import org.bytedeco.pytorch.Device;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.sparkmoe.kernel.GateKernels;
import org.sparkmoe.kernel.GateKernels.Rule;
import org.sparkmoe.kernel.GateKernels.Score;
import org.sparkmoe.kernel.GroupedProducts;
import org.sparkmoe.kernel.LayerKernels;
import org.sparkmoe.kernel.OptimizerKernels;
import org.sparkmoe.kernel.OptimizerKernels.Factors;
import org.sparkmoe.kernel.OptimizerKernels.Flat;
import org.sparkmoe.kernel.RoutingKernels;
import org.sparkmoe.kernel.RowGroups;
import org.sparkmoe.moe.MoeConfig;
import org.sparkmoe.moe.MoeLayer;
import org.sparkmoe.moe.StepContext;
import org.sparkmoe.tensor.ParameterInitializer;
import org.sparkmoe.tensor.Precision;
import org.sparkmoe.tensor.SegmentTape;
import org.sparkmoe.tensor.TensorScope;
import org.sparkmoe.topology.RankGroups;

/**
 * How long the kernels of a MoE layer take, beside what the device can do at best: kernels that
 * only move memory are held against the bandwidth of a copy, matrix products against their rate.
 * Times are medians, by the device's clock.
 */
public final class KernelTimes {
  private static final int REPEATS = 20;
  private static final int WARM_UP = 3;
  private static final long SEED = 1;
  private static final long MOST_PARAMETERS = 1 << 24;

  /**
   * Sizes of a layer.
   *
   * @param tokens S
   * @param width M
   * @param experts E
   * @param choices K
   * @param hidden H
   */
  public record Shape(int tokens, int width, int experts, int choices, int hidden) {}

  /**
   * One measurement.
   *
   * @param name of the kernel
   * @param micros median time
   * @param bytes read and written once each, as if nothing were cached
   * @param operations multiplications and additions, 0 for kernels that only move memory
   */
  public record Measured(String name, double micros, double bytes, double operations) {

    /** 10⁹ bytes a second. */
    public double gigabytes() {
      return bytes / micros / 1e3;
    }

    /** 10¹² operations a second. */
    public double teraflops() {
      return operations / micros / 1e6;
    }
  }

  /** Times and what they are held against: the first two are the bounds themselves. */
  public record Table(List<Measured> measured) {
    public Table {
      measured = List.copyOf(measured);
    }

    /** Microseconds in which a copy would move the bytes. */
    public double copyBound(Measured each) {
      return each.bytes() / measured.get(0).gigabytes() / 1e3;
    }

    /** Microseconds in which a matrix product would do the operations. */
    public double productBound(Measured each) {
      return each.operations() / measured.get(1).teraflops() / 1e6;
    }

    /** The larger bound over the time; of the layer's rows the model FLOPs utilisation. */
    public double share(Measured each) {
      return Math.max(copyBound(each), productBound(each)) / each.micros();
    }
  }

  private final Shape shape;
  private final boolean cuda;
  private final Device device;
  private final ScalarType type;
  private final DeviceClock clock;
  private final List<Measured> measured = new ArrayList<>();

  private KernelTimes(Shape shape, boolean cuda) {
    this.shape = shape;
    this.cuda = cuda;
    this.device = new Device(cuda ? "cuda" : "cpu");
    this.type = cuda ? ScalarType.BFloat16 : ScalarType.Float;
    this.clock = cuda ? DeviceClock.cuda() : DeviceClock.host();
  }

  /**
   * Measures; the first result is the copy, the second the matrix product, the last the layer.
   *
   * @param cuda on the GPU in bf16, otherwise on the CPU in f32
   */
  public static Table measure(Shape shape, boolean cuda) {
    torch.manual_seed(SEED);
    KernelTimes times = new KernelTimes(shape, cuda);
    try (TensorScope scope = TensorScope.open();
        AutoGradMode off = new AutoGradMode(false)) {
      times.bounds();
      times.gate();
      times.routing();
      times.experts();
      times.unevenProducts();
      times.optimizer();
      times.layer();
    }
    return new Table(times.measured);
  }

  private Tensor random(long... sizes) {
    return torch.randn(sizes).to(device, type);
  }

  private double size(Tensor... tensors) {
    return Arrays.stream(tensors).mapToDouble(Tensor::nbytes).sum();
  }

  private void time(String name, double bytes, double operations, Runnable kernel) {
    double[] micros = new double[REPEATS];
    for (int i = -WARM_UP; i < REPEATS; i++) {
      try (TensorScope scope = TensorScope.open()) {
        double took = clock.micros(kernel);
        if (i >= 0) {
          micros[i] = took;
        }
      }
    }
    Arrays.sort(micros);
    measured.add(new Measured(name, micros[REPEATS / 2], bytes, operations));
  }

  private void bounds() {
    Tensor from = random((long) shape.tokens() * shape.choices(), shape.width());
    Tensor to = torch.empty_like(from);
    time("copy", 2 * size(from), 0, () -> to.copy_(from));
    Tensor rows = random(shape.tokens(), shape.width());
    Tensor matrix = random(shape.width(), shape.hidden());
    Tensor product = random(shape.tokens(), shape.hidden());
    double operations = 2.0 * shape.tokens() * shape.width() * shape.hidden();
    time(
        "matrix product",
        size(rows, matrix, product),
        operations,
        () -> torch.mm_out(product, rows, matrix));
  }

  private void gate() {
    Tensor logits = torch.randn(shape.tokens(), shape.experts()).to(device, ScalarType.Float);
    Rule rule = new Rule(shape.choices(), Score.SOFTMAX, false);
    double chosen = 2.0 * Long.BYTES * shape.tokens() * shape.choices();
    time(
        "gate and positions",
        2 * size(logits) + chosen,
        0,
        () -> GateKernels.best().choose(logits, null, rule));
  }

  private void routing() {
    RoutingKernels kernels = RoutingKernels.best();
    long slotCount = (long) shape.tokens() * shape.choices();
    Tensor slots =
        torch.randperm(slotCount).to(device, ScalarType.Long).view(shape.tokens(), shape.choices());
    Tensor tokens = random(shape.tokens(), shape.width());
    Tensor buffer = random(slotCount, shape.width());
    Tensor weights =
        torch
            .full(new long[] {shape.tokens(), shape.choices()}, new Scalar(0.5))
            .to(device, ScalarType.Float);
    double both = size(tokens, buffer, slots);
    time("order", both, 0, () -> kernels.order(tokens, slots, slotCount));
    time("order, backward", both, 0, () -> kernels.orderGradient(buffer, slots));
    double weighted = both + size(weights);
    time("inverse order", weighted, 0, () -> kernels.inverseOrder(buffer, slots, weights));
    time(
        "inverse order, backward by buffer",
        weighted,
        0,
        () -> kernels.inverseOrderBufferGradient(tokens, slots, weights, slotCount));
    time(
        "inverse order, backward by weights",
        weighted,
        0,
        () -> kernels.inverseOrderWeightGradient(tokens, buffer, slots));
  }

  private void experts() {
    long rows = (long) shape.tokens() * shape.choices() / shape.experts();
    long[] sizes = {shape.experts(), rows, shape.hidden()};
    Tensor gate = random(sizes);
    Tensor up = random(sizes);
    Tensor active = random(sizes);
    LayerKernels kernels = LayerKernels.best();
    time("SwiGLU", size(gate, up, active), 0, () -> kernels.swiGlu(gate, up, active));
    time(
        "SwiGLU, backward",
        size(gate, up, active) + size(gate, up),
        0,
        () -> kernels.swiGluGradient(active, gate, up));
    Tensor input = random(shape.experts(), rows, shape.width());
    Tensor weight = random(shape.experts(), shape.width(), shape.hidden());
    double operations = 2.0 * shape.experts() * rows * shape.width() * shape.hidden();
    time(
        "experts' product",
        size(input, weight, active),
        operations,
        () -> torch.bmm_out(active, input, weight));
  }

  /** The same rows as above, of which expert e has a share of 1/(e+1). */
  private void unevenProducts() {
    long all = (long) shape.tokens() * shape.choices();
    double shares = IntStream.rangeClosed(1, shape.experts()).mapToDouble(e -> 1.0 / e).sum();
    long[] sizes = new long[shape.experts()];
    Arrays.setAll(sizes, e -> (long) (all / shares / (e + 1)));
    sizes[0] += all - Arrays.stream(sizes).sum();
    RowGroups groups = RowGroups.of(sizes, device);
    Tensor rows = random(all, shape.width());
    Tensor weight = random(shape.experts(), shape.width(), shape.hidden());
    double bytes = size(rows, weight) + (double) all * shape.hidden() * rows.element_size();
    double operations = 2.0 * all * shape.width() * shape.hidden();
    Map<String, GroupedProducts> ways = new LinkedHashMap<>();
    ways.put("one by one", GroupedProducts.oneByOne());
    ways.put("grouped", GroupedProducts.best(device, type, shape.width(), shape.hidden()));
    ways.forEach(
        (name, products) -> {
          time(
              "uneven experts' product, " + name,
              bytes,
              operations,
              () -> products.rows(rows, weight, groups));
        });
  }

  private void optimizer() {
    long all = (long) shape.experts() * shape.width() * shape.hidden();
    long n = Math.min(MOST_PARAMETERS, all);
    Flat flat = new Flat(master(n), master(n), master(n), master(n), bf16(n));
    Factors factors = new Factors(1, 1, 0.9, 0.95, 1e-8, 1e-3);
    // Read are values, gradients and moments; written are all but gradients.
    double bytes = 7.0 * flat.values().nbytes() + n * Short.BYTES;
    time("AdamW with a copy in bf16", bytes, 0, () -> OptimizerKernels.best().adamW(flat, factors));
  }

  private Tensor master(long n) {
    return torch.zeros(n).to(device, ScalarType.Float);
  }

  private Tensor bf16(long n) {
    return torch.zeros(n).to(device, ScalarType.BFloat16);
  }

  /** Gate, order, SwiGLU experts and inverse order, no token dropped; backward is twice forward. */
  private void layer() {
    MoeLayer layer =
        MoeLayer.create(
            "layers.0.moe",
            0,
            MoeConfig.dropless(shape.experts(), shape.choices(), shape.hidden()),
            shape.width(),
            RankGroups.single(),
            new ParameterInitializer(SEED, cuda ? Precision.BF16 : Precision.F32, device));
    Tensor tokens = random(shape.tokens(), shape.width());
    StepContext context = new StepContext(true, SEED, 0, 0, 1, 0, shape.tokens());
    double weights = 3.0 * shape.experts() * shape.width() * shape.hidden() * tokens.element_size();
    double bytes = 2 * size(tokens) + weights;
    double products = 6.0 * shape.tokens() * shape.choices() * shape.width() * shape.hidden();
    time(
        "MoE layer, forward",
        bytes,
        products,
        () -> layer.forward(SegmentTape.withoutHistory(), tokens, context));
    time(
        "MoE layer, forward and backward",
        3 * bytes,
        3 * products,
        () -> {
          SegmentTape tape = new SegmentTape();
          Tensor output = layer.forward(tape, tokens, context).output();
          tape.backward(output, torch.ones_like(output));
        });
  }
}
