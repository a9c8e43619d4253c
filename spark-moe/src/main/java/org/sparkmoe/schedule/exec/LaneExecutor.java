package org.sparkmoe.schedule.exec;

import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.sparkmoe.schedule.graph.Lane;
import org.sparkmoe.schedule.graph.Span;
import org.sparkmoe.schedule.graph.TaskGraph;

/** One thread a lane, kept from graph to graph. */
final class LaneExecutor implements GraphExecutor {
  private final Map<Lane, ExecutorService> threads = new EnumMap<>(Lane.class);

  LaneExecutor() {
    for (Lane lane : Lane.values()) {
      String name = "lane-" + lane.name().toLowerCase(Locale.ROOT).replace('_', '-');
      threads.put(
          lane,
          Executors.newSingleThreadExecutor(
              work -> {
                Thread thread = new Thread(work, name);
                thread.setDaemon(true);
                return thread;
              }));
    }
  }

  @Override
  public Map<String, Span> run(TaskGraph graph, Map<String, Runnable> bodies) {
    Bodies.check(graph, bodies);
    GraphRun run = new GraphRun(graph, bodies);
    List<Future<?>> lanes = new ArrayList<>();
    for (Lane lane : Lane.values()) {
      lanes.add(threads.get(lane).submit(() -> run.runLane(lane)));
    }
    awaitAll(lanes, run);
    return run.result();
  }

  /**
   * Waits until no lane runs a body any more, interrupted or not: a body may still use what the
   * caller would free. An interrupt stops further tasks from starting.
   */
  private static void awaitAll(List<Future<?>> lanes, GraphRun run) {
    boolean interrupted = false;
    for (Future<?> lane : lanes) {
      boolean ended = false;
      while (!ended) {
        try {
          lane.get();
          ended = true;
        } catch (InterruptedException e) {
          interrupted = true;
          run.fail(new CancellationException("interrupted while graph was running"));
        } catch (ExecutionException e) {
          throw new IllegalStateException("lane ended without recording its failure", e);
        }
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  @Override
  public void close() {
    threads.values().forEach(ExecutorService::shutdown);
  }
}
