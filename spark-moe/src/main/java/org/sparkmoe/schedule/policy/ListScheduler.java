package org.sparkmoe.schedule.policy;

import java.util.Arrays;
import java.util.Comparator;
import org.sparkmoe.schedule.graph.Lane;

/**
 * Orders tasks on their lanes: whenever a lane is idle it starts the ready task of the highest
 * priority. Repeated passes over the graph forwards and backwards in time improve the priorities
 * (forward-backward improvement of resource-constrained project scheduling).
 */
final class ListScheduler {
  private static final int LANES = Lane.values().length;
  private static final int INITIAL_READY = 16;

  private final FlowTasks tasks;
  private final int[] lanes;
  private final int[][] predecessors;
  private final int[][] successors;

  ListScheduler(FlowTasks tasks) {
    this.tasks = tasks;
    this.lanes = new int[tasks.size()];
    this.predecessors = new int[tasks.size()][];
    for (int i = 0; i < lanes.length; i++) {
      lanes[i] = tasks.lane(i).ordinal();
      predecessors[i] = tasks.dependencies(i);
    }
    this.successors = reverse(predecessors);
  }

  private static int[][] reverse(int[][] edges) {
    int[] counts = new int[edges.length];
    for (int[] sources : edges) {
      for (int source : sources) {
        counts[source]++;
      }
    }
    int[][] reversed = new int[edges.length][];
    Arrays.setAll(reversed, i -> new int[counts[i]]);
    for (int target = 0; target < edges.length; target++) {
      for (int source : edges[target]) {
        reversed[source][--counts[source]] = target;
      }
    }
    return reversed;
  }

  /**
   * When each task starts.
   *
   * @param start milliseconds, by task
   * @param makespan milliseconds
   */
  record Schedule(double[] start, double makespan) {

    /** Task indices by start; those that depend on each other keep their order. */
    int[] order() {
      Integer[] order = new Integer[start.length];
      Arrays.setAll(order, i -> i);
      Arrays.sort(order, Comparator.comparingDouble(i -> start[i]));
      int[] indices = new int[order.length];
      Arrays.setAll(indices, i -> order[i]);
      return indices;
    }
  }

  /** The best of {@code passes} forward passes, the first by longest path to the end. */
  Schedule schedule(int passes) {
    double[] priority = longestPathToEnd();
    Schedule best = pass(predecessors, successors, priority);
    Schedule forward = best;
    for (int i = 1; i < passes; i++) {
      Schedule backward = pass(successors, predecessors, ends(forward));
      forward = pass(predecessors, successors, ends(backward));
      best = forward.makespan() < best.makespan() ? forward : best;
    }
    return best;
  }

  private double[] longestPathToEnd() {
    double[] length = new double[lanes.length];
    for (int i = lanes.length - 1; i >= 0; i--) {
      for (int successor : successors[i]) {
        length[i] = Math.max(length[i], length[successor]);
      }
      length[i] += tasks.duration(i);
    }
    return length;
  }

  /** What ends late in one direction of time starts early in the other. */
  private double[] ends(Schedule schedule) {
    double[] ends = new double[lanes.length];
    Arrays.setAll(ends, i -> schedule.start()[i] + tasks.duration(i));
    return ends;
  }

  private Schedule pass(int[][] before, int[][] after, double[] priority) {
    return new Pass(before, after, priority).run();
  }

  /** One walk through time; the ready sets are small, so they are plain arrays. */
  private final class Pass {
    private final int[][] after;
    private final double[] priority;
    private final int[] missing;
    private final double[] start = new double[lanes.length];
    private final int[][] ready = new int[LANES][INITIAL_READY];
    private final int[] readyCount = new int[LANES];
    private final int[] running = new int[LANES];
    private final double[] runningEnd = new double[LANES];
    private double now;

    Pass(int[][] before, int[][] after, double[] priority) {
      this.after = after;
      this.priority = priority;
      this.missing = new int[before.length];
      Arrays.fill(running, -1);
      for (int i = 0; i < missing.length; i++) {
        missing[i] = before[i].length;
        if (missing[i] == 0) {
          addReady(i);
        }
      }
    }

    Schedule run() {
      while (startReady()) {
        int lane = firstToEnd();
        now = runningEnd[lane];
        int ended = running[lane];
        running[lane] = -1;
        for (int successor : after[ended]) {
          if (--missing[successor] == 0) {
            addReady(successor);
          }
        }
      }
      return new Schedule(start, now);
    }

    private void addReady(int task) {
      int lane = lanes[task];
      if (readyCount[lane] == ready[lane].length) {
        ready[lane] = Arrays.copyOf(ready[lane], 2 * readyCount[lane]);
      }
      ready[lane][readyCount[lane]++] = task;
    }

    /** Removes the ready task of the highest priority, the first among equals; -1 if none is. */
    private int pollReady(int lane) {
      int[] candidates = ready[lane];
      int best = -1;
      for (int i = 0; i < readyCount[lane]; i++) {
        if (best < 0 || isBefore(candidates[i], candidates[best])) {
          best = i;
        }
      }
      if (best < 0) {
        return -1;
      }
      int task = candidates[best];
      candidates[best] = candidates[--readyCount[lane]];
      return task;
    }

    private boolean isBefore(int task, int other) {
      return priority[task] > priority[other]
          || (priority[task] == priority[other] && task < other);
    }

    /** Starts what can start; false if nothing runs. */
    private boolean startReady() {
      boolean any = false;
      for (int lane = 0; lane < LANES; lane++) {
        // At the same instant other lanes may still end and make a more urgent task ready.
        int next = running[lane] < 0 && !endsNow() ? pollReady(lane) : -1;
        if (next >= 0) {
          running[lane] = next;
          start[next] = now;
          runningEnd[lane] = now + tasks.duration(next);
        }
        any |= running[lane] >= 0;
      }
      return any;
    }

    private boolean endsNow() {
      for (int lane = 0; lane < LANES; lane++) {
        if (running[lane] >= 0 && runningEnd[lane] <= now && start[running[lane]] < now) {
          return true;
        }
      }
      return false;
    }

    private int firstToEnd() {
      int first = -1;
      for (int lane = 0; lane < LANES; lane++) {
        if (running[lane] >= 0 && (first < 0 || runningEnd[lane] < runningEnd[first])) {
          first = lane;
        }
      }
      return first;
    }
  }
}
