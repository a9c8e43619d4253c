package org.sparkmoe.schedule.policy;

import java.util.List;
import org.moeaframework.algorithm.single.DifferentialEvolution;
import org.moeaframework.core.PRNG;
import org.moeaframework.core.Solution;
import org.moeaframework.core.variable.RealVariable;
import org.moeaframework.problem.AbstractProblem;
import org.sparkmoe.schedule.cost.CostModel;

/**
 * The paper's two steps (§5), the alternative that {@link GradientPartitioner} replaces: step 1
 * fills the windows of the degrees that are best without an all-reduce; step 2 spreads what remains
 * over the MoE layers by differential evolution, where each layer may change its degree.
 */
final class DifferentialEvolutionPartitioner {
  private static final int POPULATION = 60;
  private static final int GENERATIONS = 150;

  private final CostModel allReduce;
  private final List<BackwardLayer> layers;

  /**
   * @param layers in the order of backward
   */
  DifferentialEvolutionPartitioner(CostModel allReduce, List<BackwardLayer> layers) {
    this.allReduce = allReduce;
    this.layers = layers;
  }

  /** Milliseconds of all MoE layers and of the all-reduce after backward. */
  double time() {
    PRNG.setSeed(7);
    double best = time(new double[layers.size()]);
    try (Step2 problem = new Step2()) {
      DifferentialEvolution evolution = new DifferentialEvolution(problem);
      evolution.setInitialPopulationSize(POPULATION);
      evolution.run(POPULATION * GENERATIONS);
      for (Solution solution : evolution.getResult()) {
        best = Math.min(best, solution.getObjective(0).getValue());
      }
    }
    return best;
  }

  /**
   * Time with the share {@code shares[i]} of what is still pending put into layer i beyond step 1.
   * Shares make every point causal.
   */
  private double time(double[] shares) {
    double pending = 0;
    double time = 0;
    for (int i = 0; i < shares.length; i++) {
      BackwardLayer layer = layers.get(i);
      double window = DegreeOption.fastest(layer.options()).window();
      double first = Math.min(pending, allReduce.work(window));
      double moe = first + shares[i] * (pending - first);
      double dense = Math.min(pending - moe, allReduce.work(layer.denseWindow()));
      time += moeTime(layer, moe);
      pending += layer.gradient() - moe - dense;
    }
    return time + allReduce.time(pending);
  }

  private double moeTime(BackwardLayer layer, double elements) {
    double gradient = elements > 0 ? allReduce.time(elements) : 0;
    return layer.options().stream()
        .mapToDouble(
            option ->
                elements > 0
                    ? Math.max(option.time(), option.time() - option.window() + gradient)
                    : option.time())
        .min()
        .orElseThrow();
  }

  private final class Step2 extends AbstractProblem {
    Step2() {
      super(layers.size(), 1);
    }

    @Override
    public void evaluate(Solution solution) {
      solution.setObjectiveValue(0, time(RealVariable.getReal(solution)));
    }

    @Override
    public Solution newSolution() {
      Solution solution = new Solution(layers.size(), 1);
      for (int i = 0; i < layers.size(); i++) {
        solution.setVariable(i, new RealVariable(0, 1));
      }
      return solution;
    }
  }
}
