package org.sparkmoe.schedule.policy;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import org.junit.jupiter.api.Test;
import org.sparkmoe.schedule.cost.CostModel;

class GradientPartitionerTest {
  private static final CostModel ALL_REDUCE = new CostModel(0.5, 1e-6);
  private static final GradientPartitioner PARTITIONER = new GradientPartitioner(ALL_REDUCE);

  @Test
  void aLayerHidesTheGradientOfTheLayersAboveIt() {
    BackwardLayer layer = new BackwardLayer(List.of(new DegreeOption(2, 10, 1.5)), 2.5, 3e6);
    GradientPlan plan = PARTITIONER.partition(Collections.nCopies(3, layer));
    LayerSlices full = LayerSlices.of(1e6, 2e6);
    assertThat(plan.slices()).as("by layer").containsExactly(full, full, LayerSlices.NONE);
    assertThat(plan.tail()).isEqualTo(3e6);
  }

  @Test
  void aSlowerDegreeIsTakenWhenItsWindowPaysForIt() {
    List<DegreeOption> options = List.of(new DegreeOption(4, 10, 0), new DegreeOption(1, 11, 20));
    GradientPlan plan =
        PARTITIONER.partition(Collections.nCopies(2, new BackwardLayer(options, 0, 8e6)));
    assertThat(plan.degrees()).as("by layer; the last has nothing to hide").containsExactly(1, 4);
  }

  @Property(tries = 200)
  void isTheBestOfAllChoicesOfDegrees(@ForAll("stacks") List<BackwardLayer> layers) {
    double best = Double.POSITIVE_INFINITY;
    for (List<Integer> choice : choices(layers)) {
      best = Math.min(best, filled(layers, choice));
    }
    assertThat(time(layers, PARTITIONER.partition(layers))).isLessThanOrEqualTo(best + 1e-4);
  }

  @Property(tries = 25)
  void isNeverWorseThanDifferentialEvolution(@ForAll("stacks") List<BackwardLayer> layers) {
    double evolved = new DifferentialEvolutionPartitioner(ALL_REDUCE, layers).time();
    assertThat(time(layers, PARTITIONER.partition(layers))).isLessThanOrEqualTo(evolved + 1e-4);
  }

  @Property(tries = 200)
  void noGradientIsSentBeforeItExists(@ForAll("stacks") List<BackwardLayer> layers) {
    GradientPlan plan = PARTITIONER.partition(layers);
    double pending = 0;
    for (int i = 0; i < layers.size(); i++) {
      pending -= plan.slices().get(layers.size() - 1 - i).elements();
      assertThat(pending).isGreaterThanOrEqualTo(0);
      pending += layers.get(i).gradient();
    }
    assertThat(plan.tail()).isEqualTo(pending);
  }

  /** Time of a plan, by its definition. */
  private static double time(List<BackwardLayer> layers, GradientPlan plan) {
    double time = ALL_REDUCE.time(plan.tail());
    for (int i = 0; i < layers.size(); i++) {
      int degree = plan.degrees().get(layers.size() - 1 - i);
      LayerSlices slices = plan.slices().get(layers.size() - 1 - i);
      DegreeOption option =
          layers.get(i).options().stream()
              .filter(candidate -> candidate.degree() == degree)
              .findFirst()
              .orElseThrow();
      time += option.time();
      for (double slice : slices.moe()) {
        time += Math.max(0, ALL_REDUCE.time(slice) - option.window());
      }
      for (double slice : slices.dense()) {
        time += Math.max(0, ALL_REDUCE.time(slice) - layers.get(i).denseWindow());
      }
    }
    return time;
  }

  /** Time with these degrees and every window filled as early as possible. */
  private static double filled(List<BackwardLayer> layers, List<Integer> choice) {
    double time = 0;
    double pending = 0;
    for (int i = 0; i < layers.size(); i++) {
      DegreeOption option = layers.get(i).options().get(choice.get(i));
      time += option.time();
      pending -= Math.min(pending, ALL_REDUCE.work(option.window()));
      pending -= Math.min(pending, ALL_REDUCE.work(layers.get(i).denseWindow()));
      pending += layers.get(i).gradient();
    }
    return time + ALL_REDUCE.time(pending);
  }

  private static List<List<Integer>> choices(List<BackwardLayer> layers) {
    List<List<Integer>> choices = List.of(List.of());
    for (BackwardLayer layer : layers) {
      List<List<Integer>> longer = new ArrayList<>();
      for (List<Integer> choice : choices) {
        for (int option = 0; option < layer.options().size(); option++) {
          List<Integer> extended = new ArrayList<>(choice);
          extended.add(option);
          longer.add(extended);
        }
      }
      choices = longer;
    }
    return choices;
  }

  @Provide
  Arbitrary<List<BackwardLayer>> stacks() {
    Arbitrary<Double> times = Arbitraries.doubles().between(5, 8);
    Arbitrary<Double> windows = Arbitraries.doubles().between(0, 4);
    Arbitrary<List<DegreeOption>> options =
        Combinators.combine(times, windows, times, windows, times, windows)
            .as(
                (t1, w1, t2, w2, t3, w3) ->
                    List.of(
                        new DegreeOption(1, t1, w1),
                        new DegreeOption(2, t2, w2),
                        new DegreeOption(3, t3, w3)));
    return Combinators.combine(options, windows, Arbitraries.doubles().between(1e5, 5e6))
        .as((list, window, gradient) -> new BackwardLayer(list, window, Math.floor(gradient)))
        .list()
        .ofMinSize(2)
        .ofMaxSize(4);
  }
}
