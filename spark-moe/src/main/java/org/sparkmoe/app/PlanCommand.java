package org.sparkmoe.app;

import java.io.PrintWriter;
import java.util.concurrent.Callable;
import org.sparkmoe.app.LayerOptions.Stack;
import org.sparkmoe.schedule.graph.TaskGraph;
import org.sparkmoe.schedule.graph.TaskKind;
import org.sparkmoe.schedule.policy.PolicyName;
import org.sparkmoe.schedule.policy.StepPlan;
import org.sparkmoe.schedule.sim.ChunkBuffers;
import org.sparkmoe.schedule.sim.Simulator;
import org.sparkmoe.schedule.sim.Timeline;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** Plans a step by every policy. */
@Command(
    name = "plan",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description = {
      "Prints pipeline degrees, gradient slices and the predicted step time of every schedule.",
      "Times are simulated on ideal lanes; embeddings and head are left out.",
      "Of the configuration only the sizes of the layers count, with train.micro-batch; not what"
          + " schedule.*, cluster.pp and train.recompute say."
    },
    footer = {
      "",
      "Example:",
      "  spark-moe plan --models conf/testbeds/a.conf --model conf/mixtral-7b.conf"
    })
final class PlanCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;
  @Mixin private LayerOptions options;

  @Option(
      names = "--max-degree",
      defaultValue = "16",
      paramLabel = "N",
      converter = CountConverter.class,
      description = "Largest pipeline degree to consider, default ${DEFAULT-VALUE}.")
  private int maxDegree;

  @Override
  public Integer call() {
    Stack stack = options.read();
    PrintWriter out = spec.commandLine().getOut();
    out.printf(
        "testbed %s, %d MoE layers of %s%n",
        stack.testbed().name(), stack.layers().size(), stack.shape());
    out.printf(
        "%-16s %12s %10s %14s %14s %8s %10s %10s%n",
        "policy",
        "step, ms",
        "over tutel",
        "r forward",
        "r backward",
        "slices",
        "chunks, MB",
        "planned in");
    double tutel = plan(stack, PolicyName.TUTEL).time(stack.costs());
    for (PolicyName name : PolicyName.values()) {
      long start = System.nanoTime();
      StepPlan plan = plan(stack, name);
      double planning = (System.nanoTime() - start) / 1e6;
      double time = plan.time(stack.costs());
      out.printf(
          "%-16s %12.3f %10.3f %14s %14s %8d %10.1f %7.1f ms%n",
          name,
          time,
          tutel / time,
          Degrees.describe(plan.forwardDegrees()),
          Degrees.describe(plan.backwardDegrees()),
          slices(plan.backward()),
          Math.max(megabytes(plan.forward(), stack), megabytes(plan.backward(), stack)),
          planning);
    }
    out.flush();
    return 0;
  }

  private StepPlan plan(Stack stack, PolicyName name) {
    return name.policy(maxDegree).plan(stack.layers(), stack.costs());
  }

  /** The most that chunks on their way take at a time, in f32. */
  private static double megabytes(TaskGraph graph, Stack stack) {
    Timeline timeline = Simulator.ideal(stack.costs()).simulate(graph);
    return ChunkBuffers.peak(graph, timeline, Float.BYTES).bytes() / 1e6;
  }

  private static long slices(TaskGraph backward) {
    return backward.tasks().stream()
        .filter(task -> task.kind() == TaskKind.GRADIENT_ALL_REDUCE)
        .count();
  }
}
