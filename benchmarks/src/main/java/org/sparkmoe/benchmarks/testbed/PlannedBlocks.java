package org.sparkmoe.benchmarks.testbed;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.sparkmoe.collective.Communicator.Reduction;
import org.sparkmoe.lane.CpuLane;
import org.sparkmoe.lane.Event;
import org.sparkmoe.lane.Lane;
import org.sparkmoe.model.LanguageModel;
import org.sparkmoe.moe.MoeExecution;
import org.sparkmoe.moe.MoeLayer;
import org.sparkmoe.schedule.exec.GraphExecutor;
import org.sparkmoe.schedule.graph.Task;
import org.sparkmoe.schedule.graph.TaskGraph;
import org.sparkmoe.schedule.graph.TaskKind;
import org.sparkmoe.schedule.policy.Direction;
import org.sparkmoe.schedule.policy.LayerGraphs;
import org.sparkmoe.schedule.policy.StepPlan;
import org.sparkmoe.tensor.TensorScope;
import org.sparkmoe.topology.RankGroups;

/**
 * Has a model's blocks run by a plan for one pass, as training does. Gradient slices sum as many
 * elements as the plan says, of a buffer of their own.
 */
final class PlannedBlocks implements AutoCloseable {
  private final StepPlan plan;
  private final RankGroups groups;
  private final GraphExecutor lanes;
  private final Lane sums = new CpuLane("gradient-sums");
  private final List<Event> underWay = new ArrayList<>();
  private double unsummed;

  PlannedBlocks(StepPlan plan, RankGroups groups, GraphExecutor lanes) {
    this.plan = plan;
    this.groups = groups;
    this.lanes = lanes;
    this.unsummed =
        plan.backward().tasks().stream()
            .filter(task -> task.kind() == TaskKind.GRADIENT_ALL_REDUCE)
            .mapToDouble(Task::workload)
            .sum();
  }

  void schedule(LanguageModel model) {
    model.flow().stop();
    if (plan.flowsThroughBlocks()) {
      model.flow().scheduleBy(new Execution(plan.forward(), plan.backward(), List.of()));
      return;
    }
    List<MoeLayer> layers = model.moeLayers();
    for (int i = 0; i < layers.size(); i++) {
      layers
          .get(i)
          .scheduleBy(
              new Execution(
                  LayerGraphs.ofLayer(plan.forward(), Direction.FORWARD, i),
                  LayerGraphs.ofLayer(plan.backward(), Direction.BACKWARD, i),
                  LayerGraphs.besideDensePart(plan.backward(), i)));
    }
  }

  /** Sums what no slice took, and waits for all. */
  void finish() {
    if (unsummed >= 1) {
      begin(unsummed);
    }
    underWay.forEach(Event::await);
    underWay.clear();
  }

  private synchronized Event begin(double elements) {
    unsummed -= elements;
    Event event =
        sums.submit(
            () -> {
              try (TensorScope scope = TensorScope.open()) {
                Tensor slice = torch.zeros(Math.max(1, Math.round(elements)));
                groups.dp().allReduce(slice, Reduction.SUM).await();
              }
            },
            List.of());
    underWay.add(event);
    return event;
  }

  @Override
  public void close() {
    sums.close();
  }

  private final class Execution implements MoeExecution {
    private final TaskGraph forward;
    private final TaskGraph backward;
    private final List<Task> besideDense;

    Execution(TaskGraph forward, TaskGraph backward, List<Task> besideDense) {
      this.forward = forward;
      this.backward = backward;
      this.besideDense = besideDense;
    }

    @Override
    public TaskGraph forward() {
      return forward;
    }

    @Override
    public TaskGraph backward() {
      return backward;
    }

    @Override
    public void run(TaskGraph graph, Map<String, Runnable> bodies) {
      Map<String, Runnable> all = new HashMap<>(bodies);
      for (Task task : graph.tasks()) {
        if (task.kind() == TaskKind.GRADIENT_ALL_REDUCE) {
          all.put(task.id(), () -> begin(task.workload()).await());
        }
      }
      lanes.run(graph, all);
      if (graph == backward) {
        besideDense.forEach(task -> begin(task.workload()));
      }
    }
  }
}
