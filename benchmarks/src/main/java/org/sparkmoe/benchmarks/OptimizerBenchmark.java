package org.sparkmoe.benchmarks;

import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.util.concurrent.TimeUnit;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.openjdk.jmh.annotations.AuxCounters;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;
import org.sparkmoe.kernel.OptimizerKernels;
import org.sparkmoe.kernel.OptimizerKernels.Factors;
import org.sparkmoe.kernel.OptimizerKernels.Flat;
import org.sparkmoe.tensor.TensorScope;

/**
 * An update of AdamW over flat f32 tensors on one core: one pass in C++ and the passes of
 * libtorch's operators, beside a copy of one of the tensors. {@code cpuSeconds} is the thread's own
 * time per second; over the throughput it is the time of one call, also on a machine that has other
 * work.
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.SECONDS)
@Warmup(iterations = 2, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(1)
public class OptimizerBenchmark {
  private static final ThreadMXBean THREADS = ManagementFactory.getThreadMXBean();
  private static final Factors FACTORS = new Factors(0.9, 0.999, 0.9, 0.95, 1e-8, 1e-3);

  /** Spent by the benchmark, counted per second by JMH. */
  @State(Scope.Thread)
  @AuxCounters(AuxCounters.Type.OPERATIONS)
  public static class Spent {
    /** Of this thread. */
    public double cpuSeconds;
  }

  @Param({"65536", "8388608"})
  private int elements;

  @Param({"false", "true"})
  private boolean copied;

  private final OptimizerKernels libtorch = OptimizerKernels.torch();
  private final OptimizerKernels cpp = OptimizerKernels.nativeCpp().orElse(libtorch);
  private Flat flat;
  private Tensor target;

  @Setup
  public void allocate() {
    torch.set_num_threads(1);
    flat =
        new Flat(
            torch.randn(elements),
            torch.randn(elements),
            torch.zeros(elements),
            torch.zeros(elements),
            copied ? torch.empty(elements).to(ScalarType.BFloat16) : null);
    target = torch.empty(elements);
  }

  @Benchmark
  public void onePass(Spent spent) {
    timed(spent, () -> cpp.adamW(flat, FACTORS));
  }

  @Benchmark
  public void operators(Spent spent) {
    timed(spent, () -> libtorch.adamW(flat, FACTORS));
  }

  @Benchmark
  public void copy(Spent spent) {
    timed(spent, () -> target.copy_(flat.values()));
  }

  private static void timed(Spent spent, Runnable work) {
    long start = THREADS.getCurrentThreadCpuTime();
    try (TensorScope scope = TensorScope.open()) {
      work.run();
    }
    spent.cpuSeconds += (THREADS.getCurrentThreadCpuTime() - start) / 1e9;
  }
}
