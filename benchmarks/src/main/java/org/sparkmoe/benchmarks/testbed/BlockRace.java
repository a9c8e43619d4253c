package org.sparkmoe.benchmarks.testbed;

import java.io.PrintStream;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Stream;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.sparkmoe.model.Architecture;
import org.sparkmoe.model.BlockFlow;
import org.sparkmoe.model.Forward;
import org.sparkmoe.model.LanguageModel;
import org.sparkmoe.model.ModelConfig;
import org.sparkmoe.moe.MoeConfig;
import org.sparkmoe.moe.StepContext;
import org.sparkmoe.schedule.cost.CostModels;
import org.sparkmoe.schedule.cost.ExpertType;
import org.sparkmoe.schedule.cost.LayerShape;
import org.sparkmoe.schedule.cost.LayerWorkload;
import org.sparkmoe.schedule.exec.GraphExecutor;
import org.sparkmoe.schedule.graph.TaskKind;
import org.sparkmoe.schedule.policy.FlowLimits;
import org.sparkmoe.schedule.policy.PolicyName;
import org.sparkmoe.schedule.policy.StepPlan;
import org.sparkmoe.tensor.ParameterInitializer;
import org.sparkmoe.tensor.Precision;
import org.sparkmoe.tensor.SegmentTape;
import org.sparkmoe.tensor.TensorScope;
import org.sparkmoe.topology.RankGroups;
import org.sparkmoe.train.JobProfile;

/**
 * Blocks of a model, attention with MoE, forward and backward: by {@code fsmoe}, by {@code best} on
 * MoE layers alone, and by {@code best} on whole blocks, in turn. Plans come from a profile of the
 * model's own modules over the ranks' own links.
 */
final class BlockRace {
  private static final int VOCABULARY = 64;
  private static final int BATCH = 8;
  private static final int LENGTH = 64;
  private static final int HEADS = 4;

  private final RaceOptions options;
  private final RankGroups groups;
  private final GraphExecutor lanes;
  private final PrintStream out;

  BlockRace(RaceOptions options, RankGroups groups, GraphExecutor lanes, PrintStream out) {
    this.options = options;
    this.groups = groups;
    this.lanes = lanes;
    this.out = out;
  }

  /**
   * Sizes of a model.
   *
   * @param width M
   * @param hidden H
   * @param topK k
   * @param capacity f, or {@code *} for all tokens
   */
  private record Size(int width, int hidden, int topK, String capacity) {

    /** Slots of a token over all experts. */
    double slots() {
      return capacity.equals("*") ? topK : topK * Double.parseDouble(capacity);
    }
  }

  private static final List<Size> SIZES =
      List.of(
          new Size(256, 512, 1, "1.0"),
          new Size(256, 1024, 1, "1.0"),
          new Size(256, 512, 1, "*"),
          new Size(128, 512, 2, "1.25"));

  /** One way to run the blocks. */
  private record Entry(String name, StepPlan plan, double predicted, List<Double> measured) {}

  void run() {
    print(
        "| M | H | k | f | schedule | chunks forward, backward | predicted ms | measured ms"
            + " (least–most) |\n|---|---|---|---|---|---|---|---|");
    Map<String, Double> overFsmoe = new LinkedHashMap<>();
    for (Size size : SIZES) {
      List<Entry> entries = race(size);
      entries.forEach(entry -> print(row(size, entry)));
      double fsmoe = median(entries.get(0));
      entries.forEach(e -> overFsmoe.merge(e.name(), fsmoe / median(e), Double::sum));
    }
    overFsmoe.forEach(
        (name, sum) ->
            print(
                String.format(Locale.ROOT, "%s: %.3f over fsmoe, mean", name, sum / SIZES.size())));
  }

  private List<Entry> race(Size size) {
    LanguageModel model = model(size);
    LayerShape layer =
        new LayerShape(
            BATCH, HEADS, LENGTH, size.width(), size.hidden(), size.slots(), ExpertType.SIMPLE);
    JobProfile profile = JobProfile.measure(layer, groups, model);
    List<Entry> entries = entries(model, profile);
    for (int round = -1; round < options.rounds; round++) {
      for (Entry entry : entries) {
        double millis = step(model, entry.plan());
        if (round >= 0) {
          entry.measured().add(millis);
        }
      }
    }
    entries.forEach(entry -> Collections.sort(entry.measured()));
    return entries;
  }

  private List<Entry> entries(LanguageModel model, JobProfile profile) {
    CostModels costs = profile.profile().costs();
    LayerWorkload work = profile.job().workload();
    List<LayerWorkload> stack = Collections.nCopies(options.depth, work);
    BlockFlow.Limits limits = model.flow().limits(BATCH, LENGTH).orElseThrow();
    FlowLimits within =
        new FlowLimits(limits.sequences(), limits.gateChunks(), limits.sameDegrees());
    double gates =
        Stream.of(
                TaskKind.GATE,
                TaskKind.GATE_BACKWARD,
                TaskKind.INVERSE_ORDER,
                TaskKind.INVERSE_ORDER_BACKWARD)
            .mapToDouble(kind -> options.depth * costs.time(kind, work.tokens()))
            .sum();
    Map<String, StepPlan> plans = new LinkedHashMap<>();
    plans.put("fsmoe", PolicyName.FSMOE.executable(options.maxDegree).plan(stack, costs));
    plans.put("best, MoE layers", PolicyName.BEST.executable(options.maxDegree).plan(stack, costs));
    plans.put(
        "best, whole blocks",
        PolicyName.BEST.executable(options.maxDegree, within).plan(stack, costs));
    List<Entry> entries = new ArrayList<>();
    plans.forEach(
        (name, plan) -> {
          double between = plan.flowsThroughBlocks() ? 0 : gates;
          entries.add(new Entry(name, plan, plan.time(costs) + between, new ArrayList<>()));
        });
    return entries;
  }

  private double step(LanguageModel model, StepPlan plan) {
    try (PlannedBlocks planned = new PlannedBlocks(plan, groups, lanes)) {
      planned.schedule(model);
      return new LinkProfile(groups, new WorkloadBodies(groups, Double.POSITIVE_INFINITY), lanes, 1)
          .time(
              () -> {
                pass(model);
                planned.finish();
              });
    }
  }

  private void pass(LanguageModel model) {
    try (TensorScope scope = TensorScope.open()) {
      long tokens = (long) BATCH * LENGTH;
      long share = tokens / groups.mp().size();
      long first = tokens * groups.dp().rank() + share * groups.mp().rank();
      StepContext context = new StepContext(true, 1, 0, 0, 1, first, tokens * groups.dp().size());
      Tensor ids =
          torch
              .arange(new Scalar((double) BATCH * (LENGTH + 1)))
              .mul(new Scalar(7.0 + groups.dp().rank()))
              .remainder(new Scalar((double) VOCABULARY))
              .to(ScalarType.Long)
              .view(BATCH, LENGTH + 1);
      SegmentTape tape = new SegmentTape();
      Forward forward = model.forward(tape, ids, context);
      Tensor one = torch.ones_like(forward.lossSum());
      tape.backward(new Tensor[] {forward.lossSum(), forward.auxLoss()}, new Tensor[] {one, one});
    }
  }

  private LanguageModel model(Size size) {
    ModelConfig config =
        new ModelConfig(
            Architecture.GPT2,
            options.depth,
            size.width(),
            HEADS,
            0,
            0,
            size.hidden(),
            LENGTH,
            10_000,
            1e-5,
            true,
            0.02,
            "all",
            "balanced");
    MoeConfig defaults = MoeConfig.of(2 * options.nodes, size.topK(), size.hidden());
    MoeConfig experts =
        new MoeConfig(
            defaults.experts(),
            size.topK(),
            size.capacity(),
            "mixtral",
            defaults.order(),
            defaults.dispatch(),
            "gpt",
            size.hidden(),
            defaults.minCapacity(),
            defaults.drop(),
            0.01,
            0,
            0,
            0,
            String.valueOf(LENGTH),
            0,
            Map.of(),
            Map.of(),
            List.of());
    return LanguageModel.create(
        config, experts, VOCABULARY, groups, ParameterInitializer.cpu(1, Precision.F32));
  }

  private static double median(Entry entry) {
    return entry.measured().get(entry.measured().size() / 2);
  }

  private static String row(Size size, Entry entry) {
    List<Double> measured = entry.measured();
    return String.format(
        Locale.ROOT,
        "| %d | %d | %d | %s | %s%s | %s, %s | %.0f | %.0f (%.0f–%.0f) |",
        size.width(),
        size.hidden(),
        size.topK(),
        size.capacity(),
        entry.name(),
        entry.name().contains("whole") && !entry.plan().flowsThroughBlocks() ? " (no gain)" : "",
        entry.plan().forwardDegrees().get(0),
        entry.plan().backwardDegrees().get(0),
        entry.predicted(),
        median(entry),
        measured.get(0),
        measured.get(measured.size() - 1));
  }

  private void print(String text) {
    if (groups.rank() == 0) {
      out.println(text);
    }
  }
}
