package org.sparkmoe.moe;

import java.time.Duration;
import java.util.Arrays;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.sparkmoe.collective.InProcessWorld;
import org.sparkmoe.tensor.Parameter;
import org.sparkmoe.tensor.ParameterInitializer;
import org.sparkmoe.tensor.Precision;
import org.sparkmoe.tensor.SegmentTape;
import org.sparkmoe.tensor.TensorScope;
import org.sparkmoe.topology.PipelineGroups;
import org.sparkmoe.topology.RankGroups;
import org.sparkmoe.topology.Topology;

/**
 * Forward and backward of one layer over the same global tokens in any layout, ranks as threads.
 * The loss is Σ output·seed + auxiliary loss. Gradients are summed into the whole tensors.
 */
record MoeRun(
    double[] output,
    double[] inputGradient,
    Map<String, double[]> parameters,
    Map<String, double[]> gradients,
    double auxLoss,
    RoutingStats stats,
    Set<String> withoutGradient) {

  /** What is run. */
  record Setup(
      MoeConfig config,
      Topology topology,
      Precision precision,
      int tokens,
      int width,
      boolean training,
      Supplier<MoeExecution> execution) {

    static Setup of(MoeConfig config) {
      return new Setup(
          config,
          Topology.single(),
          Precision.F64,
          24,
          8,
          true,
          () -> MoeExecution.sequential(1, 1));
    }

    Setup on(Topology layout) {
      return new Setup(config, layout, precision, tokens, width, training, execution);
    }

    Setup in(Precision other) {
      return new Setup(config, topology, other, tokens, width, training, execution);
    }

    Setup tokens(int count) {
      return new Setup(config, topology, precision, count, width, training, execution);
    }

    Setup evaluating() {
      return new Setup(config, topology, precision, tokens, width, false, execution);
    }

    Setup by(Supplier<MoeExecution> other) {
      return new Setup(config, topology, precision, tokens, width, training, other);
    }

    double[] input() {
      return new Random(5).doubles(-2, 2).limit((long) tokens * width).toArray();
    }
  }

  /** Changes a rank's layer and input before it runs. */
  @FunctionalInterface
  interface Change {
    void apply(MoeLayer layer, Tensor tokensSM);
  }

  static MoeRun of(Setup setup) {
    return of(setup, (layer, tokens) -> {});
  }

  static MoeRun of(Setup setup, Change change) {
    int ranks = setup.topology().world();
    MoeRun whole = empty(setup);
    ExecutorService threads = Executors.newFixedThreadPool(ranks);
    try (InProcessWorld world = InProcessWorld.of(ranks, Duration.ofSeconds(30))) {
      Future<?>[] running = new Future<?>[ranks];
      double[] aux = new double[ranks];
      RoutingStats[] stats = new RoutingStats[ranks];
      MoeLayer[] layers = new MoeLayer[ranks];
      for (int rank = 0; rank < ranks; rank++) {
        int r = rank;
        running[r] =
            threads.submit(
                () -> {
                  torch.set_num_threads(1);
                  RankGroups groups =
                      RankGroups.create(
                          setup.topology(), r, world.factory(r), Duration.ofSeconds(30));
                  try {
                    if (groups.pipeline().isLast()) {
                      layers[r] = whole.rank(setup, groups, change, aux, stats);
                    } else {
                      whole.feed(setup, groups);
                    }
                  } catch (RuntimeException e) {
                    groups.abort("rank %d failed: %s".formatted(r, e));
                    throw e;
                  }
                });
      }
      for (Future<?> rank : running) {
        rank.get();
      }
      // In rank order, so that sums have the same bits every time.
      int last = ranks - setup.topology().stageSize();
      for (MoeLayer layer : Arrays.asList(layers).subList(last, ranks)) {
        layer.parameters().forEach(whole::collect);
      }
      return new MoeRun(
          whole.output,
          whole.inputGradient,
          whole.parameters,
          whole.gradients,
          Arrays.stream(aux).sum(),
          stats[last],
          whole.withoutGradient);
    } catch (ExecutionException e) {
      if (e.getCause() instanceof RuntimeException failure) {
        throw failure;
      }
      throw new AssertionError(e);
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    } finally {
      threads.shutdown();
    }
  }

  private static MoeRun empty(Setup setup) {
    int size = setup.tokens() * setup.width();
    return new MoeRun(
        new double[size],
        new double[size],
        new TreeMap<>(),
        new TreeMap<>(),
        0,
        new RoutingStats(new long[0], 0, 0, 0, 0),
        new TreeSet<>());
  }

  private MoeLayer rank(
      Setup setup, RankGroups groups, Change change, double[] aux, RoutingStats[] stats) {
    ParameterInitializer initializer = ParameterInitializer.cpu(3, setup.precision());
    MoeLayer layer =
        MoeLayer.create("layers.0.moe", 0, setup.config(), setup.width(), groups, initializer);
    layer.scheduleBy(setup.execution().get());
    int share = setup.tokens() / groups.stage().size();
    int first = groups.stage().rank() * share;
    try (TensorScope scope = TensorScope.open()) {
      Tensor tokens = share(setup, setup.input(), first, share);
      PipelineGroups pipeline = groups.pipeline();
      if (!pipeline.isFirst()) {
        tokens = torch.empty_like(tokens);
        pipeline.previous().forward().broadcast(tokens, PipelineGroups.Link.EARLIER).await();
      }
      change.apply(layer, tokens);
      SegmentTape tape = new SegmentTape();
      Tensor probed = probe(tape, tokens, pipeline, first * setup.width());
      MoeOutput out =
          layer.forward(
              tape, probed, new StepContext(setup.training(), 11, 2, 0, 1, first, setup.tokens()));
      double[] seeds = new Random(6).doubles(-1, 1).limit(setup.input().length).toArray();
      tape.backward(
          new Tensor[] {out.output(), out.auxLoss()},
          new Tensor[] {share(setup, seeds, first, share), torch.ones_like(out.auxLoss())});
      put(doubles(out.output()), output, first * setup.width());
      aux[groups.rank()] = out.auxLoss().item_double();
      stats[groups.rank()] = out.stats();
    }
    return layer;
  }

  /** The stage before the layer's: hands tokens on and gets their gradient back. */
  private void feed(Setup setup, RankGroups groups) {
    int share = setup.tokens() / groups.stage().size();
    int first = groups.stage().rank() * share;
    PipelineGroups.Link next = groups.pipeline().next();
    try (TensorScope scope = TensorScope.open()) {
      Tensor tokens = share(setup, setup.input(), first, share);
      next.forward().broadcast(tokens, PipelineGroups.Link.EARLIER).await();
      Tensor gradient = torch.empty_like(tokens);
      next.backward().broadcast(gradient, PipelineGroups.Link.LATER).await();
      put(doubles(gradient), inputGradient, first * setup.width());
    }
  }

  /** Stands for the segment or stage before the layer, which would get this gradient. */
  private Tensor probe(SegmentTape tape, Tensor tokens, PipelineGroups pipeline, int at) {
    return tape.record(
            new Tensor[] {tokens},
            new Tensor[] {tokens.detach()},
            gradients -> {
              if (pipeline.isFirst()) {
                put(doubles(gradients[0]), inputGradient, at);
              } else {
                Tensor gradient = gradients[0].contiguous();
                pipeline
                    .previous()
                    .backward()
                    .broadcast(gradient, PipelineGroups.Link.LATER)
                    .await();
              }
              return new Tensor[1];
            })[0];
  }

  private static Tensor share(Setup setup, double[] whole, int first, int share) {
    double[] part =
        Arrays.copyOfRange(whole, first * setup.width(), (first + share) * setup.width());
    return Tensor.create(part, share, setup.width()).to(setup.precision().computeType());
  }

  private void collect(Parameter parameter) {
    int size = (int) Arrays.stream(parameter.fullShape()).reduce(1, (a, b) -> a * b);
    double[] sum = gradients.computeIfAbsent(parameter.name(), name -> new double[size]);
    double[] value = parameters.computeIfAbsent(parameter.name(), name -> new double[size]);
    Tensor gradient = parameter.value().grad();
    if (!gradient.defined()) {
      withoutGradient.add(parameter.name());
    }
    double[] localGradient =
        gradient.defined() ? doubles(gradient) : new double[(int) parameter.value().numel()];
    double[] local = doubles(parameter.value().detach());
    long[] box = parameter.value().sizes().vec().get();
    IntStream.range(0, local.length)
        .forEach(
            i -> {
              int at = position(i, box, parameter);
              sum[at] += localGradient[i];
              value[at] = local[i];
            });
  }

  private static int position(int index, long[] box, Parameter parameter) {
    long rest = index;
    long position = 0;
    long stride = 1;
    for (int d = box.length - 1; d >= 0; d--) {
      position += (rest % box[d] + parameter.offset()[d]) * stride;
      rest /= box[d];
      stride *= parameter.fullShape()[d];
    }
    return Math.toIntExact(position);
  }

  private synchronized void put(double[] part, double[] whole, int at) {
    System.arraycopy(part, 0, whole, at, part.length);
  }

  static double[] doubles(Tensor tensor) {
    double[] values = new double[Math.toIntExact(tensor.numel())];
    tensor.detach().to(ScalarType.Double).contiguous().data_ptr_double().get(values);
    return values;
  }

  /** Largest difference over the largest magnitude of {@code expected}. */
  static double difference(double[] actual, double[] expected) {
    double largest = 0;
    double magnitude = 1e-300;
    for (int i = 0; i < expected.length; i++) {
      largest = Math.max(largest, Math.abs(actual[i] - expected[i]));
      magnitude = Math.max(magnitude, Math.abs(expected[i]));
    }
    return largest / magnitude;
  }
}
