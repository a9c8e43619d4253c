package org.sparkmoe.schedule.reproduce;

import java.util.List;
import java.util.function.IntToDoubleFunction;
import java.util.stream.IntStream;
import org.sparkmoe.schedule.cost.CostModels;
import org.sparkmoe.schedule.cost.LayerShape;
import org.sparkmoe.schedule.cost.LayerWorkload;
import org.sparkmoe.schedule.cost.Testbed;
import org.sparkmoe.schedule.policy.Direction;
import org.sparkmoe.schedule.policy.LayerGraphs;
import org.sparkmoe.schedule.policy.PipelineDegree;
import org.sparkmoe.schedule.sim.Simulator;

/**
 * The four cases against the simulator over the configured layers. Where they differ, the simulator
 * is right: the formula adds up one path through the chunks and overlooks waits on others.
 */
record FormulaCheck(Testbed testbed) {
  private static final double EQUAL = 1e-9;

  /**
   * One layer in one direction.
   *
   * @param formula milliseconds by the four cases at the degree that they choose
   * @param simulated milliseconds at that degree
   * @param simulatedBest milliseconds at the degree that is best in the simulator
   */
  private record Comparison(
      int degree, int caseNumber, double formula, double simulated, double simulatedBest) {
    double underestimate() {
      return simulated / formula - 1;
    }

    double loss() {
      return simulated / simulatedBest - 1;
    }
  }

  String report() {
    List<LayerShape> shapes =
        ConfiguredLayers.withSequencesUpTo(Published.longestSequence(testbed.name()));
    List<Comparison> forward = compare(shapes, Direction.FORWARD, false);
    List<Comparison> backward = compare(shapes, Direction.BACKWARD, false);
    List<Comparison> carrying = compare(shapes, Direction.BACKWARD, true);
    MarkdownTable table =
        new MarkdownTable(
            "four cases against the simulator",
            "layers",
            "differ",
            "mean difference of those",
            "largest",
            "degree not best in the simulator",
            "largest loss by that");
    addRow(table, "forward", forward);
    addRow(table, "backward, no gradient slice", backward);
    addRow(table, "backward, a layer's whole gradient in its middle", carrying);
    long separate =
        IntStream.range(0, shapes.size())
            .filter(i -> forward.get(i).degree() != backward.get(i).degree())
            .count();
    return table
        + "\nForward and backward want different degrees in %d of %d layers (published: 912 of 1458).\n"
            .formatted(
                separate * ConfiguredLayers.HEAD_COUNTS,
                shapes.size() * ConfiguredLayers.HEAD_COUNTS)
        + "Cases 1 to 4: forward %s, backward %s, with a gradient %s.\n"
            .formatted(cases(forward), cases(backward), cases(carrying));
  }

  private static String cases(List<Comparison> comparisons) {
    return IntStream.rangeClosed(1, 4)
        .mapToObj(
            number ->
                String.valueOf(
                    ConfiguredLayers.HEAD_COUNTS
                        * comparisons.stream().filter(c -> c.caseNumber() == number).count()))
        .toList()
        .toString();
  }

  private static void addRow(MarkdownTable table, String name, List<Comparison> comparisons) {
    List<Comparison> different =
        comparisons.stream().filter(c -> Math.abs(c.underestimate()) > EQUAL).toList();
    table.row(
        name,
        comparisons.size() * ConfiguredLayers.HEAD_COUNTS,
        different.size() * ConfiguredLayers.HEAD_COUNTS,
        percent(different.stream().mapToDouble(Comparison::underestimate).average().orElse(0)),
        percent(different.stream().mapToDouble(Comparison::underestimate).max().orElse(0)),
        ConfiguredLayers.HEAD_COUNTS * comparisons.stream().filter(c -> c.loss() > EQUAL).count(),
        percent(comparisons.stream().mapToDouble(Comparison::loss).max().orElse(0)));
  }

  private static String percent(double share) {
    return "%.2f %%".formatted(100 * share);
  }

  private List<Comparison> compare(List<LayerShape> shapes, Direction direction, boolean carrying) {
    return shapes.parallelStream().map(shape -> compare(shape, direction, carrying)).toList();
  }

  private Comparison compare(LayerShape shape, Direction direction, boolean carrying) {
    LayerWorkload layer = testbed.workload(shape);
    CostModels costs = testbed.models(shape);
    List<Double> slices = carrying ? List.of(layer.gradient()) : List.of();
    double gradient = carrying ? costs.allReduce().time(layer.gradient()) : 0;
    PipelineDegree chosen =
        PipelineDegree.search(layer, costs, direction, gradient, PlannedStep.MAX_DEGREE);
    IntToDoubleFunction simulation =
        degree ->
            Simulator.ideal(costs)
                .makespan(LayerGraphs.threeLanes(layer, direction, degree, slices));
    double best =
        IntStream.rangeClosed(1, PlannedStep.MAX_DEGREE)
            .mapToDouble(simulation)
            .min()
            .orElseThrow();
    double simulated = simulation.applyAsDouble(chosen.degree());
    return new Comparison(chosen.degree(), chosen.caseNumber(), chosen.time(), simulated, best);
  }
}
