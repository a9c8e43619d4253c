package org.sparkmoe.app;

import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import org.sparkmoe.app.LayerOptions.Stack;
import org.sparkmoe.schedule.policy.PolicyName;
import org.sparkmoe.schedule.policy.StepPlan;
import org.sparkmoe.schedule.sim.ChromeTrace;
import org.sparkmoe.schedule.sim.GanttChart;
import org.sparkmoe.schedule.sim.Simulator;
import org.sparkmoe.schedule.sim.Timeline;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Simulates a step and shows its timeline. */
@Command(
    name = "simulate",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description = {
      "Simulates forward and backward of a step by one or more schedules and prints the timelines,"
          + " and how long they take.",
      "With --svg or --trace the timelines are written to a picture or to a Chrome trace for"
          + " Perfetto.",
      "Of the configuration only the sizes of the layers count, with train.micro-batch; not what"
          + " schedule.*, cluster.pp and train.recompute say."
    },
    footer = {
      "",
      "Example:",
      "  spark-moe simulate --models conf/testbeds/a.conf --model conf/mixtral-7b.conf \\",
      "    --policy tutel,fsmoe,best --svg timelines.svg"
    })
final class SimulateCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;
  @Mixin private LayerOptions options;

  @Option(
      names = "--policy",
      split = ",",
      defaultValue = "fsmoe",
      paramLabel = "NAME",
      converter = PolicyConverter.class,
      description = "Schedules to simulate, default ${DEFAULT-VALUE}.")
  private List<PolicyName> policies;

  @Option(
      names = "--interference",
      defaultValue = "0",
      paramLabel = "SHARE",
      description = "How much a lane slows while another is busy; 0, the default, is ideal.")
  private double interference;

  @Option(
      names = "--max-degree",
      defaultValue = "16",
      paramLabel = "N",
      converter = CountConverter.class,
      description = "Largest pipeline degree to consider, default ${DEFAULT-VALUE}.")
  private int maxDegree;

  @Option(names = "--graph", description = "Prints the task graphs too.")
  private boolean graph;

  @Option(names = "--svg", paramLabel = "FILE", description = "Writes a Gantt chart.")
  private @Nullable Path svg;

  @Option(names = "--trace", paramLabel = "FILE", description = "Writes a Chrome trace.")
  private @Nullable Path trace;

  @Override
  public Integer call() throws IOException {
    OutputFile picture = OutputFile.of("--svg", svg);
    OutputFile file = OutputFile.of("--trace", trace);
    if (!(interference >= 0) || Double.isInfinite(interference)) {
      throw new ParameterException(
          spec.commandLine(),
          "Invalid value for option '--interference' (SHARE): '%s', must be a number from 0"
              .formatted(interference));
    }
    Stack stack = options.read();
    Simulator simulator =
        interference == 0
            ? Simulator.ideal(stack.costs())
            : Simulator.withInterference(stack.costs(), interference);
    List<Timeline> timelines = new ArrayList<>();
    PrintWriter out = spec.commandLine().getOut();
    for (PolicyName policy : policies) {
      StepPlan plan = policy.policy(maxDegree).plan(stack.layers(), stack.costs());
      timelines.add(simulator.simulate(plan.forward()));
      timelines.add(simulator.simulate(plan.backward()));
      if (graph) {
        out.print(plan.forward());
        out.print(plan.backward());
      }
    }
    picture.write(() -> GanttChart.of(timelines));
    file.write(() -> ChromeTrace.of(timelines));
    if (!picture.isWanted() && !file.isWanted()) {
      timelines.forEach(out::print);
    }
    for (Timeline timeline : timelines) {
      out.printf(
          "%-28s %10.3f ms, %.0f %% of communication hidden%n",
          timeline.name(), timeline.makespan(), 100 * timeline.hiddenCommunication());
    }
    out.flush();
    return 0;
  }
}
