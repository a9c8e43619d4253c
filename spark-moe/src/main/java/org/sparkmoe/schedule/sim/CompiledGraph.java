package org.sparkmoe.schedule.sim;

import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.sparkmoe.schedule.cost.CostModels;
import org.sparkmoe.schedule.graph.Lane;
import org.sparkmoe.schedule.graph.Task;
import org.sparkmoe.schedule.graph.TaskGraph;

/** A graph over cost models as arrays, so that one simulation takes microseconds. */
public final class CompiledGraph {
  private static final int LANES = Lane.values().length;

  private final int[] lanes;
  private final double[] durations;
  private final int[][] dependencies;

  private CompiledGraph(int[] lanes, double[] durations, int[][] dependencies) {
    this.lanes = lanes;
    this.durations = durations;
    this.dependencies = dependencies;
  }

  /** Resolves ids and costs once, for many simulations. */
  public static CompiledGraph of(TaskGraph graph, CostModels costs) {
    List<Task> tasks = graph.tasks();
    Map<String, Integer> index = new HashMap<>(2 * tasks.size());
    int[] lanes = new int[tasks.size()];
    double[] durations = new double[tasks.size()];
    int[][] dependencies = new int[tasks.size()][];
    for (int i = 0; i < tasks.size(); i++) {
      Task task = tasks.get(i);
      index.put(task.id(), i);
      lanes[i] = task.lane().ordinal();
      durations[i] = costs.time(task);
      List<String> ids = task.dependencies();
      dependencies[i] = new int[ids.size()];
      for (int d = 0; d < ids.size(); d++) {
        dependencies[i][d] = index.get(ids.get(d));
      }
    }
    return new CompiledGraph(lanes, durations, dependencies);
  }

  /** Milliseconds until all tasks have ended. */
  public double makespan(double interference) {
    double[] end = new double[lanes.length];
    run(interference, new double[lanes.length], end);
    double last = 0;
    for (double time : end) {
      last = Math.max(last, time);
    }
    return last;
  }

  /** Fills {@code start} and {@code end}, indexed as the graph's tasks. */
  void run(double interference, double[] start, double[] end) {
    if (interference == 0) {
      runIdeal(start, end);
    } else {
      new InterferingRun(interference, start, end).run();
    }
  }

  /** Without interference a task's start is the longest path to it. */
  private void runIdeal(double[] start, double[] end) {
    double[] free = new double[LANES];
    for (int i = 0; i < lanes.length; i++) {
      double ready = free[lanes[i]];
      for (int dependency : dependencies[i]) {
        ready = Math.max(ready, end[dependency]);
      }
      start[i] = ready;
      end[i] = ready + durations[i];
      free[lanes[i]] = end[i];
    }
  }

  /** Event by event: between two events the set of busy lanes, and with it every rate, is fixed. */
  private final class InterferingRun {
    private final double interference;
    private final double[] start;
    private final double[] end;
    private final boolean[] ended = new boolean[lanes.length];

    /** Task that each lane runs or waits to run; {@code lanes.length} after its last. */
    private final int[] current = new int[LANES];

    private final boolean[] busy = new boolean[LANES];
    private final double[] remaining = new double[LANES];
    private double now;

    InterferingRun(double interference, double[] start, double[] end) {
      this.interference = interference;
      this.start = start;
      this.end = end;
    }

    void run() {
      Arrays.setAll(current, lane -> next(lane, 0));
      for (int running = startReady(); running > 0; running = startReady()) {
        double slowdown = 1 + interference * (running - 1);
        double work = Double.POSITIVE_INFINITY;
        for (int lane = 0; lane < LANES; lane++) {
          if (busy[lane]) {
            work = Math.min(work, remaining[lane]);
          }
        }
        now += work * slowdown;
        advance(work);
      }
    }

    private int next(int lane, int from) {
      int task = from;
      while (task < lanes.length && lanes[task] != lane) {
        task++;
      }
      return task;
    }

    /** Starts what can start and returns the number of busy lanes. */
    private int startReady() {
      int running = 0;
      for (int lane = 0; lane < LANES; lane++) {
        int task = current[lane];
        if (!busy[lane] && task < lanes.length && ready(task)) {
          busy[lane] = true;
          remaining[lane] = durations[task];
          start[task] = now;
        }
        running += busy[lane] ? 1 : 0;
      }
      return running;
    }

    private boolean ready(int task) {
      for (int dependency : dependencies[task]) {
        if (!ended[dependency]) {
          return false;
        }
      }
      return true;
    }

    private void advance(double work) {
      for (int lane = 0; lane < LANES; lane++) {
        if (busy[lane]) {
          remaining[lane] -= work;
          if (remaining[lane] <= 0) {
            int task = current[lane];
            busy[lane] = false;
            ended[task] = true;
            end[task] = now;
            current[lane] = next(lane, task + 1);
          }
        }
      }
    }
  }
}
