package org.sparkmoe.schedule.policy;

import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.sparkmoe.schedule.cost.CostModels;
import org.sparkmoe.schedule.cost.LayerWorkload;
import org.sparkmoe.schedule.graph.TaskGraph;
import org.sparkmoe.schedule.graph.TaskKind;
import org.sparkmoe.schedule.policy.TrainedFlowGraphs.Shape;
import org.sparkmoe.schedule.sim.Simulator;

/**
 * {@code best} for a model that can run attention and gate chunk by chunk within limits: chunks
 * that flow through whole blocks, over all numbers of chunks that the limits allow, with the
 * simulated time as the objective. Where that is no faster than {@link LayerwiseBest} with gate and
 * order between its graphs, it returns what that plans, so it is never slower than {@code fsmoe}.
 */
record TrainedBest(int maxDegree, FlowLimits limits) implements Policy {
  private static final int PASSES = 6;

  /** One direction and its time. */
  private record Candidate(Shape shape, TaskGraph graph, double time) {}

  @Override
  public StepPlan plan(List<LayerWorkload> layers, CostModels costs) {
    StepPlan layerwise = new LayerwiseBest(maxDegree).plan(layers, costs);
    double time = layerwise.time(costs);
    for (LayerWorkload layer : layers) {
      time += tokenTime(layer, costs);
    }
    double toBeat = time;
    return flow(layers, costs).filter(plan -> plan.time(costs) < toBeat).orElse(layerwise);
  }

  /** Gate, order and inverse order of a layer, whole, in both directions. */
  private static double tokenTime(LayerWorkload layer, CostModels costs) {
    return Stream.of(
            TaskKind.GATE,
            TaskKind.GATE_BACKWARD,
            TaskKind.INVERSE_ORDER,
            TaskKind.INVERSE_ORDER_BACKWARD)
        .mapToDouble(kind -> costs.time(kind, layer.tokens()))
        .sum();
  }

  private Optional<StepPlan> flow(List<LayerWorkload> layers, CostModels costs) {
    List<StepPlan> plans = new ArrayList<>();
    List<Candidate> forward = shapes().map(shape -> forward(layers, costs, shape)).toList();
    if (limits.sameDegrees()) {
      forward.forEach(
          there ->
              shapes()
                  .filter(shape -> shape.attention() == there.shape().attention())
                  .filter(shape -> shape.gate() == 1 || shape.equals(there.shape()))
                  .map(shape -> backward(layers, costs, shape))
                  .min(Comparator.comparingDouble(Candidate::time))
                  .ifPresent(back -> plans.add(plan(layers, there, back))));
    } else {
      Comparator<Candidate> byTime = Comparator.comparingDouble(Candidate::time);
      forward.stream()
          .min(byTime)
          .ifPresent(
              there ->
                  shapes()
                      .map(shape -> backward(layers, costs, shape))
                      .min(byTime)
                      .ifPresent(back -> plans.add(plan(layers, there, back))));
    }
    return plans.stream().min(Comparator.comparingDouble(plan -> plan.time(costs)));
  }

  /** With more than one chunk of attention; where gates are whole, with any number of the MoE's. */
  private Stream<Shape> shapes() {
    if (limits.gateChunks() > 1) {
      return divisors(limits.gateChunks()).mapToObj(r -> new Shape(r, r, r));
    }
    return divisors(limits.sequences())
        .boxed()
        .flatMap(
            chunks -> IntStream.rangeClosed(1, maxDegree).mapToObj(r -> new Shape(chunks, 1, r)));
  }

  private IntStream divisors(int of) {
    return IntStream.rangeClosed(2, Math.min(of, maxDegree)).filter(n -> of % n == 0);
  }

  private static Candidate forward(List<LayerWorkload> layers, CostModels costs, Shape shape) {
    FlowTasks tasks = TrainedFlowGraphs.forward(layers, costs, shape);
    TaskGraph graph =
        tasks.graph("best-forward", new ListScheduler(tasks).schedule(PASSES).order());
    return new Candidate(shape, graph, Simulator.ideal(costs).makespan(graph));
  }

  private static Candidate backward(List<LayerWorkload> layers, CostModels costs, Shape shape) {
    return Stream.of(false, true)
        .map(
            split -> {
              FlowGraphs.Backward flow = TrainedFlowGraphs.backward(layers, costs, shape, split);
              FlowTasks tasks = flow.tasks();
              ListScheduler.Schedule filled =
                  HoleFilling.fill(
                      tasks,
                      costs.allReduce(),
                      flow.unsummed(),
                      new ListScheduler(tasks).schedule(PASSES));
              TaskGraph graph = tasks.graph("best-backward", filled.order());
              return new Candidate(shape, graph, Simulator.ideal(costs).makespan(graph));
            })
        .min(Comparator.comparingDouble(Candidate::time))
        .orElseThrow();
  }

  private static StepPlan plan(List<LayerWorkload> layers, Candidate forward, Candidate backward) {
    return new StepPlan(
        PolicyName.BEST.toString(),
        forward.graph(),
        backward.graph(),
        Collections.nCopies(layers.size(), forward.shape().moe()),
        Collections.nCopies(layers.size(), backward.shape().moe()));
  }
}
