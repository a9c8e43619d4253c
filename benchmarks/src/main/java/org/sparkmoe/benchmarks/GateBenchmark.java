package org.sparkmoe.benchmarks;

import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.bytedeco.pytorch.AutoGradMode;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
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
import org.sparkmoe.moe.Gate;
import org.sparkmoe.moe.GateProvider;
import org.sparkmoe.moe.GateStep;
import org.sparkmoe.moe.ModuleContext;
import org.sparkmoe.moe.Modules;
import org.sparkmoe.moe.MoeConfig;
import org.sparkmoe.moe.StepContext;
import org.sparkmoe.tensor.Parameter;
import org.sparkmoe.tensor.ParameterInitializer;
import org.sparkmoe.tensor.Precision;
import org.sparkmoe.tensor.TensorScope;
import org.sparkmoe.topology.RankGroups;

/**
 * Forward of each gate at S = 4096 tokens of M = 1024 elements in f32, on one core, beside the
 * matrix products of that gate alone. {@code cpuSeconds} is the thread's own time per second; over
 * the throughput it is the time of one call, also on a machine that has other work.
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.SECONDS)
@Warmup(iterations = 2, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(1)
public class GateBenchmark {
  private static final int TOKENS = 4096;
  private static final int WIDTH = 1024;
  private static final ThreadMXBean THREADS = ManagementFactory.getThreadMXBean();

  /** Spent by the benchmark, counted per second by JMH. */
  @State(Scope.Thread)
  @AuxCounters(AuxCounters.Type.OPERATIONS)
  public static class Spent {
    /** Of this thread. */
    public double cpuSeconds;
  }

  @Param({"8", "64", "256"})
  private int experts;

  @Param({
    "noisy-top-k",
    "gshard",
    "switch",
    "mixtral",
    "sigmoid",
    "x-moe",
    "expert-choice",
    "deepseek-v3"
  })
  private String gate;

  private MoeConfig config;
  private Gate made;
  private Tensor tokensSM;
  private Tensor tokensCopySM;

  /** A gate of its first weights, and tokens of unit variance. */
  @Setup(Level.Trial)
  public void make() {
    torch.set_num_threads(1);
    boolean single = gate.equals("switch") || gate.equals("sigmoid");
    // Jitter draws S·M random numbers, which is not a matter of E.
    Map<String, String> options = gate.equals("switch") ? Map.of("jitter", "0") : Map.of();
    MoeConfig usual = MoeConfig.of(experts, single ? 1 : 2, WIDTH);
    config =
        new MoeConfig(
            experts,
            usual.topK(),
            usual.capacityFactor(),
            gate,
            usual.order(),
            usual.dispatch(),
            usual.expert(),
            WIDTH,
            usual.minCapacity(),
            usual.drop(),
            usual.auxLoss(),
            0,
            0,
            0,
            usual.routingGroup(),
            0,
            options,
            Map.of(),
            List.of());
    made =
        Modules.find(GateProvider.class, "moe.gate", gate)
            .create(
                new ModuleContext(
                    "gate",
                    0,
                    config,
                    WIDTH,
                    options,
                    RankGroups.single(),
                    ParameterInitializer.cpu(1, Precision.F32)));
    tokensSM = torch.randn(TOKENS, WIDTH);
    tokensCopySM = torch.empty_like(tokensSM);
  }

  /** What the memory can do: reads and writes all tokens, 32 MiB together. */
  @Benchmark
  public void copy(Spent spent) {
    spend(spent, () -> tokensCopySM.copy_(tokensSM));
  }

  /** The bound: tokens times each parameter of M rows (or columns) that the gate has. */
  @Benchmark
  public void product(Spent spent) {
    spend(
        spent,
        () -> {
          for (Parameter parameter : made.parameters()) {
            Tensor value = parameter.value();
            if (value.size(0) == WIDTH) {
              tokensSM.matmul(value);
            } else if (value.dim() == 2 && value.size(1) == WIDTH) {
              tokensSM.matmul(value.t());
            }
          }
        });
  }

  /** Logits, choice, places, weights and balancing loss, recorded for backward. */
  @Benchmark
  public void train(Spent spent) {
    route(spent, new StepContext(true, 1, 0, 0, 1, 0, TOKENS), true);
  }

  /** Logits, choice, places and weights. */
  @Benchmark
  public void evaluate(Spent spent) {
    route(spent, StepContext.evaluation(TOKENS), false);
  }

  private void route(Spent spent, StepContext context, boolean recording) {
    spend(
        spent,
        () -> {
          try (AutoGradMode mode = new AutoGradMode(recording)) {
            made.route(tokensSM, GateStep.alone(config, context, TOKENS));
          }
        });
  }

  private static void spend(Spent spent, Runnable body) {
    long start = THREADS.getCurrentThreadCpuTime();
    try (TensorScope scope = TensorScope.open()) {
      body.run();
    }
    spent.cpuSeconds += 1e-9 * (THREADS.getCurrentThreadCpuTime() - start);
  }
}
