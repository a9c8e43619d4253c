package org.sparkmoe.runtime;

import java.io.PrintWriter;
import java.time.Duration;
import java.util.Locale;
import org.jspecify.annotations.Nullable;
import org.sparkmoe.runtime.report.ModelFlopsText;
import org.sparkmoe.train.EvaluationMetrics;
import org.sparkmoe.train.ScheduleMetrics;
import org.sparkmoe.train.ScheduleTrace;
import org.sparkmoe.train.StepMetrics;
import org.sparkmoe.train.TrainingStart;

/**
 * A line that says how far training is: rewritten in a terminal, elsewhere a new one every few
 * seconds.
 */
public final class TerminalProgress implements ProgressListener {
  private static final Duration BETWEEN_LINES = Duration.ofSeconds(10);
  private static final double SMOOTHING = 0.1;
  private static final String CLEAR_LINE = "\r\u001b[K";

  /** A line that is wider than the terminal is cut: of one on two rows only one can be cleared. */
  private static final String CUT = "\u001b[?7l";

  private static final String WRAP = "\u001b[?7h";

  private final PrintWriter out;
  private final boolean terminal;
  private long steps;
  private double smoothLoss = Double.NaN;
  private double smoothMillis = Double.NaN;
  private long lastLineNanos;
  private boolean lineOpen;
  private String awaited = "";
  private Duration nextWaitingLine = Duration.ZERO;
  private String plan = "";

  /**
   * @param out gets the lines
   * @param terminal whether a line can be rewritten
   */
  public TerminalProgress(PrintWriter out, boolean terminal) {
    this.out = out;
    this.terminal = terminal;
    this.lastLineNanos = System.nanoTime() - BETWEEN_LINES.toNanos();
  }

  @Override
  public synchronized void waiting(String what, Duration waited) {
    boolean news = !what.equals(awaited) || waited.compareTo(nextWaitingLine) >= 0;
    if (terminal || news) {
      awaited = what;
      nextWaitingLine = waited.multipliedBy(2);
      rewrite("waiting for %s (%d s)".formatted(what, waited.toSeconds()));
    }
  }

  @Override
  public synchronized void measuring() {
    line("measuring collectives, experts and attention to plan with, which takes up to a minute");
  }

  @Override
  public synchronized void started(TrainingStart start) {
    steps = start.steps();
    line(
        "training %,d parameters, %,d tokens a step, %d steps%s"
            .formatted(
                start.parameters(),
                start.tokensPerStep(),
                steps,
                start.step() == 0 ? "" : ", going on after step " + start.step()));
  }

  @Override
  public synchronized void step(StepMetrics metrics) {
    smoothLoss = smooth(smoothLoss, metrics.loss());
    smoothMillis = smooth(smoothMillis, metrics.milliseconds());
    String text = describe(metrics);
    if (metrics.skipped()) {
      line("step %d skipped: its gradient is not finite".formatted(metrics.step()));
    } else if (terminal) {
      rewrite(text);
    } else if (metrics.step() == steps
        || System.nanoTime() - lastLineNanos >= BETWEEN_LINES.toNanos()) {
      lastLineNanos = System.nanoTime();
      line(text);
    }
  }

  private String describe(StepMetrics metrics) {
    Duration left = Duration.ofMillis((long) (smoothMillis * (steps - metrics.step())));
    return String.format(
        Locale.ROOT,
        "step %d/%d  loss %.4f  %,.0f tokens/s  %s  ETA %d:%02d  imbalance %.2f%s",
        metrics.step(),
        steps,
        smoothLoss,
        metrics.tokensPerSecond(),
        ModelFlopsText.of(metrics.teraflops(), metrics.mfu()),
        left.toMinutes(),
        left.toSecondsPart(),
        metrics.imbalance(),
        describe(metrics.schedule()));
  }

  private static String describe(@Nullable ScheduleMetrics schedule) {
    return schedule == null
        ? ""
        : String.format(
            Locale.ROOT,
            "  schedule %.1f ms, predicted %.1f (%+.0f %%)",
            schedule.measured(),
            schedule.predicted(),
            100 * schedule.error());
  }

  @Override
  public synchronized void scheduled(ScheduleTrace trace) {
    String inUse =
        "schedule %s, degrees forward %s, backward %s"
            .formatted(trace.policy(), trace.forwardDegrees(), trace.backwardDegrees());
    if (!inUse.equals(plan)) {
      plan = inUse;
      line("step %d  %s".formatted(trace.step(), inUse));
    }
  }

  @Override
  public synchronized void evaluated(EvaluationMetrics metrics) {
    line(
        String.format(
            Locale.ROOT,
            "step %d  validation loss %.4f, %.4f bits per byte",
            metrics.step(),
            metrics.loss(),
            metrics.bitsPerByte()));
  }

  @Override
  public synchronized void checkpointed(long step, String directory) {
    line("step %d  checkpoint %s".formatted(step, directory));
  }

  @Override
  public synchronized void warned(long step, String warning) {
    line((step == 0 ? "" : "step %d  ".formatted(step)) + "warning: " + warning);
  }

  @Override
  public synchronized void restarting(String cause, int ranks, int restart, int most) {
    line(cause);
    line("restart %d of %d, with %d ranks".formatted(restart, most, ranks));
  }

  /** Ends an open line, so that what follows begins a new one. */
  public synchronized void end() {
    if (lineOpen) {
      out.println();
      lineOpen = false;
    }
    out.flush();
  }

  private static double smooth(double mean, double value) {
    return Double.isNaN(mean) ? value : mean + SMOOTHING * (value - mean);
  }

  private void line(String text) {
    out.println((lineOpen ? CLEAR_LINE : "") + text);
    out.flush();
    lineOpen = false;
  }

  private void rewrite(String text) {
    if (terminal) {
      out.print(CLEAR_LINE + CUT + text + WRAP);
      out.flush();
      lineOpen = true;
    } else {
      line(text);
    }
  }
}
