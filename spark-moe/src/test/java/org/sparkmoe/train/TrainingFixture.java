package org.sparkmoe.train;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.function.LongFunction;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.apache.hadoop.conf.Configuration;
import org.sparkmoe.data.DataCounts;
import org.sparkmoe.data.SequenceSpool;
import org.sparkmoe.data.TokenSequence;
import org.sparkmoe.model.Architecture;
import org.sparkmoe.model.LanguageModel;
import org.sparkmoe.model.ModelConfig;
import org.sparkmoe.model.Ranks;
import org.sparkmoe.moe.MoeConfig;
import org.sparkmoe.schedule.cost.ExpertType;
import org.sparkmoe.schedule.cost.LayerShape;
import org.sparkmoe.schedule.policy.ScheduleConfig;
import org.sparkmoe.tensor.ParameterInitializer;
import org.sparkmoe.topology.RankGroups;
import org.sparkmoe.topology.Topology;

/** Trains a tiny model on made-up text, on ranks that are threads. */
final class TrainingFixture {
  static final int VOCABULARY = 31;
  static final int LENGTH = 16;
  static final int WIDTH = 16;
  private static final double AUX_LOSS = 0.05;
  private static final int TRAIN_BATCHES = 6;
  private static final int VALIDATION_BATCHES = 2;
  private static final long VALIDATION_ORIGIN = 1_000_000;

  private TrainingFixture() {}

  /**
   * What is trained on.
   *
   * @param batches global batches of training data
   * @param text of the sequence at a position
   */
  record Workload(MoeConfig experts, int batches, LongFunction<int[]> text) {
    static Workload of(String gate, int topK, double auxLoss) {
      return new Workload(
          TrainingFixture.experts(gate, topK, auxLoss), TRAIN_BATCHES, TrainingFixture::text);
    }

    /** With that capacity factor. */
    Workload bounded(String factor) {
      MoeConfig c = experts;
      MoeConfig bounded =
          new MoeConfig(
              c.experts(),
              c.topK(),
              factor,
              c.gate(),
              c.order(),
              c.dispatch(),
              c.expert(),
              c.hiddenSize(),
              c.minCapacity(),
              c.drop(),
              c.auxLoss(),
              c.zLoss(),
              c.importanceLoss(),
              c.loadLoss(),
              c.routingGroup(),
              c.sharedExperts(),
              c.gateOptions(),
              c.expertOptions(),
              c.hooks());
      return new Workload(bounded, batches, text);
    }

    /** With products of that kind where no token is dropped. */
    Workload products(String kind) {
      return new Workload(experts.withExpertOptions(Map.of("products", kind)), batches, text);
    }

    Workload on(int count, LongFunction<int[]> other) {
      return new Workload(experts, count, other);
    }
  }

  /** What rank 0 heard, and what it returned. */
  record Run(
      TrainingSummary summary,
      List<StepMetrics> steps,
      List<EvaluationMetrics> evaluations,
      List<String> warnings) {
    double[] losses() {
      return steps.stream().mapToDouble(StepMetrics::loss).toArray();
    }

    double[] auxLosses() {
      return steps.stream().mapToDouble(StepMetrics::auxLoss).toArray();
    }

    double[] norms() {
      return steps.stream().mapToDouble(StepMetrics::gradientNorm).toArray();
    }
  }

  static TrainSetup setup(TrainConfig train, Path directory) {
    return setup(train, new CheckpointConfig(directory.toUri().toString(), 0, 2, true, false));
  }

  static TrainSetup setup(TrainConfig train, CheckpointConfig checkpoint) {
    return new TrainSetup(train, checkpoint, new Configuration());
  }

  /** The same with a schedule. */
  static TrainSetup scheduled(TrainSetup plain, ScheduleConfig config) {
    LayerShape layer =
        new LayerShape(plain.train().microBatch(), 4, 16, WIDTH, 24, 2, ExpertType.MIXTRAL);
    return new TrainSetup(
        plain.train(), plain.checkpoint(), plain.hadoop(), new ScheduleSetup(config, layer));
  }

  /** Makes links slow and the processor fast in all profiles of the directory. */
  static void slowLinks(Path cache) throws IOException {
    String values =
        IntStream.range(0, 12)
            .mapToObj(i -> i < 4 ? "0.1, 0.001, 1" : "0.1, 1e-5, 1")
            .collect(Collectors.joining(", "));
    try (Stream<Path> files = Files.list(cache)) {
      for (Path file : files.toList()) {
        String kept = Files.readString(file);
        Files.writeString(file, kept.replaceFirst("values = .*", "values = [" + values + "]"));
      }
    }
  }

  static Run train(Topology topology, TrainSetup setup) {
    return train(topology, setup, AUX_LOSS);
  }

  static Run train(Topology topology, TrainSetup setup, double auxLoss) {
    return train(topology, setup, Workload.of("mixtral", 2, auxLoss));
  }

  /** With another gate than mixtral. */
  static Run train(TrainSetup setup, String gate, int topK) {
    return train(Topology.single(), setup, Workload.of(gate, topK, AUX_LOSS));
  }

  static Run train(Topology topology, TrainSetup setup, Workload workload) {
    return train(topology, setup, workload, Trainer::new);
  }

  /** Makes a rank's trainer. */
  @FunctionalInterface
  interface Making {
    /** Through which groups the model's ranks speak. */
    default RankGroups ofModel(RankGroups groups) {
      return groups;
    }

    Trainer of(
        TrainSetup setup,
        LanguageModel model,
        RankGroups groups,
        TrainingData data,
        TrainingListener listener);
  }

  static Run train(Topology topology, TrainSetup setup, Workload workload, Making trainer) {
    return Ranks.run(topology, groups -> trainRank(groups, setup, workload, trainer)).get(0);
  }

  private static Run trainRank(
      RankGroups groups, TrainSetup setup, Workload workload, Making making) {
    LanguageModel model = model(making.ofModel(groups), setup.train(), WIDTH, workload.experts());
    List<String> warnings = new ArrayList<>();
    List<StepMetrics> steps = new ArrayList<>();
    List<EvaluationMetrics> evaluations = new ArrayList<>();
    TrainingListener listener =
        new TrainingListener() {
          @Override
          public void step(StepMetrics metrics) {
            steps.add(metrics);
          }

          @Override
          public void evaluated(EvaluationMetrics metrics) {
            evaluations.add(metrics);
          }

          @Override
          public void warned(long step, String warning) {
            warnings.add("step %d: %s".formatted(step, warning));
          }
        };
    int batch = setup.train().globalBatch();
    try (SequenceSpool train = spool(groups, batch, workload.batches(), workload.text());
        SequenceSpool validation =
            spool(
                groups,
                batch,
                VALIDATION_BATCHES,
                p -> workload.text().apply(VALIDATION_ORIGIN + p));
        Trainer trainer =
            making.of(setup, model, groups, data(train, validation, batch), listener)) {
      return new Run(
          trainer.train(), List.copyOf(steps), List.copyOf(evaluations), List.copyOf(warnings));
    }
  }

  static LanguageModel model(RankGroups groups, TrainConfig config, int width) {
    return model(groups, config, width, experts("mixtral", 2, AUX_LOSS));
  }

  private static LanguageModel model(
      RankGroups groups, TrainConfig config, int width, MoeConfig experts) {
    return LanguageModel.create(
        new ModelConfig(
            Architecture.MIXTRAL,
            2,
            width,
            4,
            2,
            0,
            24,
            LENGTH,
            10_000,
            1e-5,
            true,
            0.1,
            "1",
            "balanced"),
        experts,
        VOCABULARY,
        groups,
        ParameterInitializer.cpu(config.seed(), config.precision()));
  }

  /** Keeps every token, so that no layout drops what another keeps. */
  private static MoeConfig experts(String gate, int topK, double auxLoss) {
    MoeConfig defaults = MoeConfig.of(4, topK, 24);
    return new MoeConfig(
        defaults.experts(),
        defaults.topK(),
        "*",
        gate,
        defaults.order(),
        defaults.dispatch(),
        "mixtral",
        defaults.hiddenSize(),
        defaults.minCapacity(),
        defaults.drop(),
        auxLoss,
        0.001,
        0,
        0,
        gate.equals("soft") ? String.valueOf(LENGTH) : defaults.routingGroup(),
        0,
        Map.of(),
        Map.of(),
        List.of());
  }

  private static TrainingData data(SequenceSpool train, SequenceSpool validation, int batch) {
    return new TrainingData(
        train, validation, batch, new DataCounts.Split(1, 1000, 1000, 16), LENGTH);
  }

  /** As {@code Sharding} hands them out. */
  private static SequenceSpool spool(
      RankGroups groups, int batch, int batches, LongFunction<int[]> text) {
    int share = batch / groups.dp().size();
    long first = (long) groups.dp().rank() * share;
    return new SequenceSpool(
        LongStream.range(0, batches)
            .flatMap(b -> LongStream.range(b * batch + first, b * batch + first + share))
            .mapToObj(position -> new TokenSequence(position, text.apply(position)))
            .iterator(),
        new SequenceSpool.Limits(LENGTH, share, 5, 1 << 20, Path.of("unused")));
  }

  /** A sequence with something to learn: each token leads to one of three. */
  static int[] text(long position) {
    int[] tokens = new int[LENGTH + 1];
    SplittableRandom random = new SplittableRandom(position);
    tokens[0] = random.nextInt(VOCABULARY);
    for (int i = 1; i < tokens.length; i++) {
      tokens[i] = (tokens[i - 1] * 7 + random.nextInt(3)) % VOCABULARY;
    }
    return tokens;
  }
}
