package org.sparkmoe.train;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.stream.Stream;
import org.apache.hadoop.conf.Configuration;
import org.bytedeco.pytorch.Tensor;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.sparkmoe.lane.Gpu;
import org.sparkmoe.model.BlockFlow;
import org.sparkmoe.model.LanguageModel;
import org.sparkmoe.model.Recomputation;
import org.sparkmoe.moe.MoeExecution;
import org.sparkmoe.moe.MoeLayer;
import org.sparkmoe.profile.ComputeTrials;
import org.sparkmoe.profile.JobShape;
import org.sparkmoe.profile.Profile;
import org.sparkmoe.profile.ProfileCache;
import org.sparkmoe.profile.Profiler;
import org.sparkmoe.schedule.cost.CostModels;
import org.sparkmoe.schedule.cost.LayerWorkload;
import org.sparkmoe.schedule.exec.GraphExecutor;
import org.sparkmoe.schedule.graph.Lane;
import org.sparkmoe.schedule.graph.TaskGraph;
import org.sparkmoe.schedule.policy.Direction;
import org.sparkmoe.schedule.policy.FlowLimits;
import org.sparkmoe.schedule.policy.LayerGraphs;
import org.sparkmoe.schedule.policy.PolicyName;
import org.sparkmoe.schedule.policy.ScheduleConfig;
import org.sparkmoe.schedule.policy.StepPlan;
import org.sparkmoe.schedule.sim.ChunkBuffers;
import org.sparkmoe.schedule.sim.Simulator;
import org.sparkmoe.schedule.sim.Timeline;
import org.sparkmoe.schedule.sim.TracedGraph;
import org.sparkmoe.topology.RankGroups;

/**
 * Profiles a job, plans its steps and has its MoE layers run by the plan. Compares predicted with
 * measured time, and plans anew from a new profile when they stay apart.
 *
 * <p>The prediction that is compared is that of the graphs that run: those of the MoE layers, whose
 * time alone is measured apart from the rest, or, where chunks flow through whole blocks, that of
 * all blocks.
 */
final class StepSchedule implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(StepSchedule.class);

  private final ScheduleConfig config;
  private final JobShape job;
  private final ComputeTrials trials;
  private final RankGroups groups;
  private final List<MoeLayer> layers;
  private final BlockFlow blocks;
  private final ReplanTrigger replan;
  private final Optional<BlockFlow.Limits> limits;
  private final GradientSlices slices;
  private final RankReports ranks;
  private final GraphExecutor executor;
  private final boolean onGpu;
  private final Recomputation recomputed;
  private final @Nullable TraceFile traceFile;
  private final LayerClock clock = new LayerClock();
  private List<Timeline> predictions = List.of();
  private @Nullable Profile profile;
  private @Nullable StepPlan plan;
  private @Nullable ScheduleTrace trace;
  private boolean planIsNew;
  private boolean traceIsFirst;

  /**
   * Each pipeline stage has a schedule of its own. MoE layers run by it after {@link #begin}.
   *
   * @param model with at least one MoE layer
   * @param hadoop finds the file system of {@code schedule.trace}
   * @param gpu whose streams are the lanes; null if they are threads
   */
  StepSchedule(
      ScheduleSetup setup,
      RankGroups groups,
      LanguageModel model,
      GradientSlices slices,
      Configuration hadoop,
      @Nullable Gpu gpu) {
    this.config = setup.config();
    this.groups = groups;
    this.layers = model.moeLayers();
    this.job =
        new JobShape(setup.layer(), groups.topology(), (double) slices.elements() / layers.size());
    this.recomputed = model.recomputed();
    this.trials = ModelTrials.of(model);
    this.blocks = model.flow();
    this.slices = slices;
    this.replan = new ReplanTrigger(config.replanError(), config.replanAfter());
    String file = config.trace();
    this.traceFile = file.isEmpty() || groups.rank() != 0 ? null : new TraceFile(file, hadoop);
    Tensor weight = layers.get(0).parameters().get(0).value();
    this.ranks = new RankReports(groups.stage(), weight.device());
    this.onGpu = gpu != null;
    this.executor = gpu == null ? GraphExecutor.lanes() : GraphExecutor.streams(gpu);
    // A part of a block that backward runs again is a segment between graphs.
    this.limits =
        recomputed != Recomputation.NONE
            ? Optional.empty()
            : blocks.limits(job.layer().batch(), job.layer().sequence());
  }

  /**
   * Plans: as the checkpoint was planned, if this is the same job, or from a profile. Collective
   * over the pipeline stage.
   *
   * @param resumed what training goes on from; null at its beginning
   * @param listener is told where measuring begins
   */
  void begin(@Nullable TrainingState resumed, TrainingListener listener) {
    PlanInputs written = resumed == null ? null : resumed.plan();
    boolean same = resumed != null && isSame(written);
    if (resumed != null && groups.rank() == 0) {
      LOG.info("schedule: {}", why(same, written));
    }
    if (same && written != null) {
      plan(written.profile());
      return;
    }
    listener.measuring();
    String cache = config.profileCache();
    plan(cache.isEmpty() ? measure() : new ProfileCache(Path.of(cache)).get(job, groups, trials));
  }

  /** Whether all ranks of the stage found the same, for this job: their plans must not differ. */
  private boolean isSame(@Nullable PlanInputs written) {
    boolean mine = written != null && written.job().equals(jobInFull());
    long[][] found = ranks.gather(mine ? 1 : 0, written == null ? 0 : written.fingerprint());
    return Arrays.stream(found).allMatch(row -> row[0] == 1 && row[1] == found[0][1]);
  }

  private String why(boolean same, @Nullable PlanInputs written) {
    if (same) {
      return "planned from the profile in the checkpoint, not measured again";
    }
    return "measured again, so that the loss may differ in the last digits: "
        + (written == null
            ? "the checkpoint has no profile"
            : "the checkpoint's profile is of %s, this job is %s"
                .formatted(written.job(), jobInFull()));
  }

  private String jobInFull() {
    // Only this policy looks at more than the MoE layers.
    boolean flows = config.policy() == PolicyName.BEST;
    return "%d layers of %s, %s, %s up to degree %d%s"
        .formatted(
            layers.size(),
            job,
            trials.name(),
            config.policy(),
            config.maxDegree(),
            flows ? limits.map(within -> ", " + within).orElse("") : "");
  }

  /** What the present plan follows from. */
  PlanInputs inputs() {
    return new PlanInputs(jobInFull(), Objects.requireNonNull(profile, "before begin"));
  }

  private Profile measure() {
    return Profiler.measure(job, groups, trials);
  }

  private void plan(Profile profile) {
    this.profile = profile;
    CostModels costs = profile.costs();
    List<LayerWorkload> stack = Collections.nCopies(layers.size(), job.workload());
    @Nullable StepPlan before = this.plan;
    StepPlan layerwise = config.policy().executable(config.maxDegree()).plan(stack, costs);
    StepPlan plan = limits.map(within -> flowing(within, stack, costs)).orElse(layerwise);
    this.plan = plan;
    planIsNew = true;
    Simulator simulator = Simulator.ideal(costs);
    ScheduledExecution.Machinery machinery = new ScheduledExecution.Machinery(executor, slices);
    List<MoeExecution> planned = new ArrayList<>();
    blocks.stop();
    for (int i = 0; i < layers.size(); i++) {
      ScheduledExecution execution =
          new ScheduledExecution(
              layers.get(i).layer(),
              LayerGraphs.ofLayer(layerwise.forward(), Direction.FORWARD, i),
              LayerGraphs.ofLayer(layerwise.backward(), Direction.BACKWARD, i),
              LayerGraphs.besideDensePart(layerwise.backward(), i),
              machinery,
              clock);
      layers.get(i).scheduleBy(execution);
      planned.add(execution);
    }
    if (plan.flowsThroughBlocks()) {
      FlowExecution flow =
          new FlowExecution(blocks, plan.forward(), plan.backward(), machinery, clock);
      blocks.scheduleBy(flow);
      planned = List.of(flow);
    }
    List<Timeline> timelines = new ArrayList<>();
    List<Long> buffers = new ArrayList<>();
    for (MoeExecution execution : planned) {
      for (TaskGraph graph : List.of(execution.forward(), execution.backward())) {
        Timeline timeline = predicted(simulator, graph);
        timelines.add(timeline);
        buffers.add(checked(graph, timeline));
      }
    }
    predictions = List.copyOf(timelines);
    if (groups.rank() == 0 && before == null) {
      LOG.info("profile of {}:\n{}", job, profile);
    }
    if (groups.rank() == 0 && !hasDegreesOf(plan, before)) {
      LOG.info(
          "schedule {}: degrees forward {}, backward {}; predicted {} ms per micro-batch, of which"
              + " {} {} ms; chunks on their way take up to {} bytes",
          config.policy(),
          plan.forwardDegrees(),
          plan.backwardDegrees(),
          "%.3f".formatted(predictedMilliseconds(plan, costs)),
          plan.flowsThroughBlocks() ? "blocks with attention" : "MoE layers",
          "%.3f".formatted(predictedMilliseconds()),
          "%,d".formatted(Collections.max(buffers)));
    }
  }

  private StepPlan flowing(BlockFlow.Limits within, List<LayerWorkload> stack, CostModels costs) {
    FlowLimits limits =
        new FlowLimits(within.sequences(), within.gateChunks(), within.sameDegrees());
    return config.policy().executable(config.maxDegree(), limits).plan(stack, costs);
  }

  private static boolean hasDegreesOf(StepPlan plan, @Nullable StepPlan other) {
    return other != null
        && plan.flowsThroughBlocks() == other.flowsThroughBlocks()
        && plan.forwardDegrees().equals(other.forwardDegrees())
        && plan.backwardDegrees().equals(other.backwardDegrees());
  }

  /** Bytes of the graph's chunks, as if all were f32. */
  private long checked(TaskGraph graph, Timeline timeline) {
    ChunkBuffers peak = ChunkBuffers.peak(graph, timeline, Float.BYTES);
    peak.requireAtMost(config.bufferLimit());
    return peak.bytes();
  }

  private static Timeline predicted(Simulator simulator, TaskGraph graph) {
    return new Timeline(TracedGraph.PREDICTED + graph.name(), simulator.simulate(graph).spans());
  }

  /** Of the MoE layers of a micro-batch, forward and backward. */
  private double predictedMilliseconds() {
    double forward = predictedForward();
    return milliseconds(predictions) + recomputed.again(forward, forward);
  }

  private double predictedForward() {
    double forward = 0;
    for (int i = 0; i < predictions.size(); i += 2) {
      forward += predictions.get(i).makespan();
    }
    return forward;
  }

  /** Of all blocks of a micro-batch. */
  private double predictedMilliseconds(StepPlan plan, CostModels costs) {
    double forward = Simulator.ideal(costs).makespan(plan.forward());
    return plan.time(costs) + recomputed.again(forward, predictedForward());
  }

  private static double milliseconds(List<Timeline> timelines) {
    return timelines.stream().mapToDouble(Timeline::makespan).sum();
  }

  /** A step begins its last backward: gradients may be summed from here on. */
  void lastBackward() {
    slices.open();
  }

  /** A step begins; what graphs took before it, in an evaluation, does not count. */
  void began() {
    clock.take();
  }

  /** The gradients that this schedule sums. */
  GradientSlices slices() {
    return slices;
  }

  /**
   * Compares the step that has ended with the plan. Collective over the pipeline stage.
   *
   * @param step number of the step
   * @param microBatches of the step
   * @param report whether to write {@code schedule.trace}
   * @return the comparison; null on GPUs
   */
  @Nullable ScheduleMetrics ended(long step, int microBatches, boolean report) {
    if (onGpu) {
      // The spans there tell when tasks were issued, not how long they took.
      clock.take();
      return null;
    }
    List<Timeline> timelines = clock.take();
    double measured = slowest(milliseconds(timelines)) / microBatches;
    ScheduleMetrics metrics =
        new ScheduleMetrics(
            measured,
            predictedMilliseconds(),
            TracedGraph.hiddenCommunication(timelines),
            laneUse(timelines));
    trace = traceOf(step, timelines);
    traceIsFirst = planIsNew;
    planIsNew = false;
    if (report && groups.rank() == 0) {
      if (traceFile != null) {
        traceFile.put(Stream.concat(timelines.stream(), predictions.stream()).toList());
      }
    }
    replanWhereOff(metrics.error());
    return metrics;
  }

  /** The newest trace, if it is the first of a plan or the last of all. */
  Optional<ScheduleTrace> newTrace(boolean last) {
    return Optional.ofNullable(trace).filter(newest -> last || traceIsFirst);
  }

  private void replanWhereOff(double error) {
    if (replan.isDueAfter(error)) {
      if (groups.rank() == 0) {
        LOG.info(
            "schedule: the prediction stays off, now by {} %; measuring and planning again, the next"
                + " time after {} such steps",
            "%+.0f".formatted(100 * error), replan.patience());
      }
      plan(measure());
    }
  }

  /** Of the layer that took longest in the last micro-batch. */
  private ScheduleTrace traceOf(long step, List<Timeline> timelines) {
    Map<String, Timeline> newest = new HashMap<>();
    timelines.forEach(timeline -> newest.put(graphName(timeline), timeline));
    List<Timeline> slowest = List.of();
    for (int i = 0; i < predictions.size(); i += 2) {
      List<Timeline> layer = predictions.subList(i, i + 2);
      if (milliseconds(measured(layer, newest)) > milliseconds(measured(slowest, newest))) {
        slowest = layer;
      }
    }
    StepPlan current = Objects.requireNonNull(plan);
    return new ScheduleTrace(
        step,
        config.policy().toString(),
        current.forwardDegrees(),
        current.backwardDegrees(),
        measured(slowest, newest),
        slowest);
  }

  private static List<Timeline> measured(List<Timeline> predicted, Map<String, Timeline> newest) {
    return predicted.stream().map(p -> newest.get(graphName(p))).filter(Objects::nonNull).toList();
  }

  /** A timeline is named after its graph, with {@code measured} or {@code predicted} before it. */
  private static String graphName(Timeline timeline) {
    return timeline.name().substring(timeline.name().indexOf(' ') + 1);
  }

  /** Share of the layers' time during which each lane worked. */
  private static List<Double> laneUse(List<Timeline> timelines) {
    double all = milliseconds(timelines);
    return Arrays.stream(Lane.values())
        .map(lane -> all == 0 ? 0 : timelines.stream().mapToDouble(t -> t.busy(lane)).sum() / all)
        .toList();
  }

  private double slowest(double milliseconds) {
    return Arrays.stream(ranks.gather(Double.doubleToRawLongBits(milliseconds)))
        .mapToDouble(report -> Double.longBitsToDouble(report[0]))
        .max()
        .orElseThrow();
  }

  @Override
  public void close() {
    if (traceFile != null) {
      traceFile.close();
    }
    slices.close();
    executor.close();
  }
}
