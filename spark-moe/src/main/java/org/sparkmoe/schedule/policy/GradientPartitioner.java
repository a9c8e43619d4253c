package org.sparkmoe.schedule.policy;

import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.sparkmoe.schedule.cost.CostModel;

/**
 * Adaptive gradient partitioning (paper §5), exactly.
 *
 * <p>Backward meets layer after layer. Each has two slots for gradients that exist already: in its
 * MoE layer and beside its dense part. A slot hides an all-reduce as long as its window; what is
 * longer costs its full excess, wherever it stands, so no slice need ever exceed its window: the
 * excess may as well stay for later, at the end of backward at the latest, where an all-reduce of
 * the first layer's gradient cannot be avoided anyway. With the degrees fixed, filling every slot
 * as soon as there are gradients is therefore optimal; what is left to choose are the degrees,
 * since a slower degree may have a longer window.
 *
 * <p>The search walks through the layers and keeps, of the pairs (time so far, gradient pending),
 * those that no other dominates: (c, p) dominates (c′, p′) if c + β·max(0, p − p′) ≤ c′, because
 * more pending gradient costs at most its own all-reduce. That drops no optimum. The paper fills
 * with fixed degrees first and distributes the rest by differential evolution, which can only reach
 * points of the same space.
 */
final class GradientPartitioner {
  private final CostModel allReduce;

  GradientPartitioner(CostModel allReduce) {
    this.allReduce = allReduce;
  }

  /** A partial solution: the layers met so far, the last one first. */
  private record State(
      double time, double pending, int degree, LayerSlices slices, @Nullable State above) {}

  /** The best plan for {@code layers}, given in the order of backward, the last layer first. */
  GradientPlan partition(List<BackwardLayer> layers) {
    List<State> states = List.of(new State(0, 0, 1, LayerSlices.NONE, null));
    for (BackwardLayer layer : layers) {
      List<State> next = new ArrayList<>();
      for (State state : states) {
        for (DegreeOption option : layer.options()) {
          next.add(extend(state, layer, option));
        }
      }
      states = undominated(next);
    }
    State best =
        Collections.min(
            states,
            Comparator.comparingDouble(state -> state.time() + allReduce.time(state.pending())));
    return unwind(best, layers.size());
  }

  private State extend(State state, BackwardLayer layer, DegreeOption option) {
    double moe = fill(option.window(), state.pending());
    double dense = fill(layer.denseWindow(), state.pending() - moe);
    return new State(
        state.time() + option.time(),
        state.pending() - moe - dense + layer.gradient(),
        option.degree(),
        LayerSlices.of(moe, dense),
        state);
  }

  /** Whole elements, since these are cut from real tensors. */
  private double fill(double window, double pending) {
    return Math.floor(Math.min(pending, allReduce.work(window)));
  }

  private List<State> undominated(List<State> states) {
    List<State> kept = new ArrayList<>();
    states.sort(Comparator.comparingDouble(State::time).thenComparing(State::pending));
    for (State state : states) {
      if (!isDominated(state, kept)) {
        kept.add(state);
      }
    }
    return kept;
  }

  private boolean isDominated(State state, List<State> others) {
    for (State other : others) {
      if (dominates(other, state)) {
        return true;
      }
    }
    return false;
  }

  private boolean dominates(State state, State other) {
    double excess = Math.max(0, state.pending() - other.pending());
    return state.time() + allReduce.beta() * excess <= other.time();
  }

  private static GradientPlan unwind(State last, int layers) {
    List<Integer> degrees = new ArrayList<>();
    List<LayerSlices> slices = new ArrayList<>();
    State state = last;
    for (int i = 0; i < layers && state != null; i++) {
      degrees.add(state.degree());
      slices.add(state.slices());
      state = state.above();
    }
    return new GradientPlan(degrees, slices, last.pending());
  }
}
