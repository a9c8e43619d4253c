package org.sparkmoe.benchmarks;

import java.util.concurrent.TimeUnit;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.openjdk.jmh.annotations.AuxCounters;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;
import org.sparkmoe.kernel.RoutingKernels;
import org.sparkmoe.kernel.RoutingKernels.Places;
import org.sparkmoe.tensor.ComputeThreads;
import org.sparkmoe.tensor.TensorScope;

/**
 * The routing kernels at S = 4096 tokens of M = 1024 elements and K = 2 choices, on one core,
 * beside the same core's copy bandwidth. {@code bytes} is what a kernel has to read and write at
 * least, per second; divided by that of {@code copy} it is the share of the copy bandwidth.
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.SECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(1)
public class RoutingBenchmark {
  private static final int TOKENS = 4096;
  private static final int CHOICES = 2;
  private static final int WIDTH = 1024;

  /** Moved by the benchmark, counted per second by JMH. */
  @State(Scope.Thread)
  @AuxCounters(AuxCounters.Type.OPERATIONS)
  public static class Traffic {
    /** Read and written. */
    public double bytes;
  }

  @Param({"8", "64", "256"})
  private int experts;

  @Param({"cpp", "torch"})
  private String kernels;

  @Param({"Float", "BFloat16"})
  private ScalarType dtype;

  private RoutingKernels implementation;
  private Tensor choices;
  private Tensor slots;
  private Tensor weights;
  private Tensor tokens;
  private Tensor bufferCopy;
  private Tensor buffer;

  /** Balanced routing without drops, so that the buffer holds K·S rows. */
  @Setup(Level.Trial)
  public void routing() {
    ComputeThreads.limit(1);
    implementation =
        kernels.equals("torch") ? RoutingKernels.torch() : RoutingKernels.nativeCpp().orElseThrow();
    int capacity = TOKENS * CHOICES / experts;
    Tensor shuffled = torch.randperm((long) TOKENS * CHOICES, new TensorOptions(ScalarType.Long));
    slots = shuffled.view(TOKENS, CHOICES);
    choices = slots.floor_divide(new Scalar((long) capacity));
    weights = torch.rand(TOKENS, CHOICES);
    tokens = torch.randn(TOKENS, WIDTH).to(dtype);
    buffer = torch.randn((long) TOKENS * CHOICES, WIDTH).to(dtype);
    bufferCopy = torch.empty_like(buffer);
  }

  /**
   * The bound: libc's memcpy between tensors that exist, as large as what kernels read and write.
   */
  @Benchmark
  public void copy(Traffic traffic) {
    Pointer.memcpy(bufferCopy.data_ptr(), buffer.data_ptr(), buffer.nbytes());
    traffic.bytes += 2.0 * buffer.nbytes();
  }

  /** The bound with a new tensor for the result, as kernels make one. */
  @Benchmark
  public long copyToNewTensor(Traffic traffic) {
    try (TensorScope scope = TensorScope.open()) {
      traffic.bytes += 2.0 * buffer.nbytes();
      return buffer.clone().numel();
    }
  }

  /** From tokens to the buffer of the experts. */
  @Benchmark
  public void order(Traffic traffic) {
    try (TensorScope scope = TensorScope.open()) {
      implementation.order(tokens, slots, (long) TOKENS * CHOICES);
    }
    traffic.bytes += tokens.nbytes() + buffer.nbytes();
  }

  /** From the buffer back to tokens, weighted. */
  @Benchmark
  public void inverseOrder(Traffic traffic) {
    try (TensorScope scope = TensorScope.open()) {
      implementation.inverseOrder(buffer, slots, weights);
    }
    traffic.bytes += tokens.nbytes() + buffer.nbytes();
  }

  /** Backward of the inverse order by its buffer. */
  @Benchmark
  public void inverseOrderBufferGradient(Traffic traffic) {
    try (TensorScope scope = TensorScope.open()) {
      implementation.inverseOrderBufferGradient(tokens, slots, weights, (long) TOKENS * CHOICES);
    }
    traffic.bytes += tokens.nbytes() + buffer.nbytes();
  }

  /** Backward of the inverse order by its weights. */
  @Benchmark
  public void inverseOrderWeightGradient(Traffic traffic) {
    try (TensorScope scope = TensorScope.open()) {
      implementation.inverseOrderWeightGradient(tokens, buffer, slots);
    }
    traffic.bytes += tokens.nbytes() + buffer.nbytes();
  }

  /** Places in the queues of the experts. */
  @Benchmark
  public void capacityPositions(Traffic traffic) {
    try (TensorScope scope = TensorScope.open()) {
      implementation.capacityPositions(choices, experts, true);
    }
    traffic.bytes += 2.0 * choices.nbytes();
  }

  /** Rows of experts that drop nothing, and their numbers. */
  @Benchmark
  public void packedRows(Traffic traffic) {
    try (TensorScope scope = TensorScope.open()) {
      implementation.packedRows(choices, experts, true);
    }
    traffic.bytes += 2.0 * choices.nbytes();
  }

  /** Slots of bounded experts. */
  @Benchmark
  public void capacitySlots(Traffic traffic) {
    long capacity = (long) TOKENS * CHOICES / experts;
    try (TensorScope scope = TensorScope.open()) {
      implementation.capacitySlots(choices, new Places(experts, TOKENS, capacity, capacity), true);
    }
    traffic.bytes += 2.0 * choices.nbytes();
  }

  /** Assignments of each expert. */
  @Benchmark
  public void counts(Traffic traffic) {
    try (TensorScope scope = TensorScope.open()) {
      implementation.counts(choices, experts, 1);
    }
    traffic.bytes += choices.nbytes();
  }
}
