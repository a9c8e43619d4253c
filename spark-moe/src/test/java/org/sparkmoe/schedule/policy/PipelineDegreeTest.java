package org.sparkmoe.schedule.policy;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.List;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.constraints.DoubleRange;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;
import org.sparkmoe.schedule.cost.CostModel;
import org.sparkmoe.schedule.cost.CostModels;
import org.sparkmoe.schedule.cost.LayerWorkload;
import org.sparkmoe.schedule.graph.TaskGraph;
import org.sparkmoe.schedule.sim.Simulator;

class PipelineDegreeTest {
  private static final CostModel UNIT = new CostModel(0, 1);

  /** α is 0, so that a workload is its time in milliseconds. */
  private static final CostModels COSTS = new CostModels(UNIT, UNIT, UNIT, UNIT, UNIT, UNIT);

  @Test
  void eachOfTheFourCasesIsMet() {
    assertThat(new FourCases(2, 10, 1, 1, 5).caseNumber(20)).as("all-reduce is long").isEqualTo(1);
    assertThat(new FourCases(2, 1, 0.5, 0.5, 50).caseNumber(0)).as("experts").isEqualTo(2);
    assertThat(new FourCases(2, 10, 1, 1, 5).caseNumber(1)).as("AlltoAll").isEqualTo(3);
    assertThat(new FourCases(2, 1, 10, 10, 5).caseNumber(0)).as("intra-node").isEqualTo(4);
  }

  @Property(tries = 500)
  void anAllReduceIsFreeUpToTheWindowAndCostsItsExcessBeyond(
      @ForAll("chunks") FourCases chunk,
      @ForAll @DoubleRange(min = 0.01, max = 40) double gradient) {
    double free = chunk.time(0) - chunk.overlappable();
    assertThat(chunk.time(gradient))
        .isCloseTo(Math.max(chunk.time(0), free + gradient), within(1e-9));
  }

  @Property(tries = 500)
  void theSimulatorIsNeverFasterThanTheFormula(@ForAll("chunks") FourCases chunk) {
    assertThat(simulate(chunk)).isGreaterThanOrEqualTo(chunk.time(0) - 1e-9);
  }

  @Property(tries = 500)
  void theFormulaIsExactWhenNothingIsPipelined(@ForAll("chunks") FourCases chunk) {
    FourCases whole =
        new FourCases(
            1, chunk.allToAll(), chunk.allGather(), chunk.reduceScatter(), chunk.expert());
    assertThat(simulate(whole)).isCloseTo(whole.time(0), within(1e-9));
  }

  @Property(tries = 300)
  void oneCommunicationLaneIsTimedAsTheSimulatorTimesIt(
      @ForAll @IntRange(min = 1, max = 6) int degree,
      @ForAll @DoubleRange(min = 0.1, max = 30) double gradient,
      @ForAll("workloads") LayerWorkload layer) {
    DegreeOption option =
        DegreeOption.onOneCommunicationLane(layer, COSTS, Direction.BACKWARD, degree)
            .get(degree - 1);
    Simulator simulator = Simulator.ideal(COSTS);
    TaskGraph alone = LayerGraphs.twoLanes(layer, Direction.BACKWARD, degree, List.of());
    TaskGraph carrying = LayerGraphs.twoLanes(layer, Direction.BACKWARD, degree, List.of(gradient));
    assertThat(simulator.makespan(alone)).isCloseTo(option.time(), within(1e-9));
    assertThat(simulator.makespan(carrying))
        .isCloseTo(
            Math.max(option.time(), option.time() - option.window() + gradient), within(1e-9));
  }

  @Property(tries = 200)
  void theSearchFindsTheBestDegree(
      @ForAll("workloads") LayerWorkload layer,
      @ForAll @DoubleRange(min = 0, max = 30) double gradient) {
    CostModel costs = new CostModel(0.5, 1);
    CostModels models = new CostModels(costs, costs, costs, costs, costs, costs);
    PipelineDegree best = PipelineDegree.search(layer, models, Direction.BACKWARD, gradient, 16);
    for (int degree = 1; degree <= 16; degree++) {
      assertThat(best.time())
          .isLessThanOrEqualTo(
              FourCases.of(layer, models, Direction.BACKWARD, degree).time(gradient));
    }
  }

  private static double simulate(FourCases chunk) {
    CostModel scatter = new CostModel(0, chunk.reduceScatter() / chunk.allGather());
    CostModels costs = new CostModels(UNIT, UNIT, scatter, UNIT, UNIT, UNIT);
    int degree = chunk.degree();
    LayerWorkload layer =
        new LayerWorkload(
            degree * chunk.allToAll(),
            degree * chunk.allGather(),
            degree * chunk.expert(),
            0,
            0,
            0,
            0);
    return Simulator.ideal(costs)
        .makespan(LayerGraphs.threeLanes(layer, Direction.FORWARD, degree, List.of()));
  }

  @Provide
  Arbitrary<FourCases> chunks() {
    Arbitrary<Double> times = Arbitraries.doubles().between(0.1, 10);
    return Combinators.combine(Arbitraries.integers().between(1, 8), times, times, times, times)
        .as(FourCases::new);
  }

  @Provide
  Arbitrary<LayerWorkload> workloads() {
    Arbitrary<Double> times = Arbitraries.doubles().between(0.1, 20);
    return Combinators.combine(times, times, times)
        .as((a2a, intra, expert) -> new LayerWorkload(a2a, intra, expert, 5, 4, 2, 3));
  }
}
