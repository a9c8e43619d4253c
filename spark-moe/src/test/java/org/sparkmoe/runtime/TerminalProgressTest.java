package org.sparkmoe.runtime;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.time.Duration;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.sparkmoe.train.EvaluationMetrics;
import org.sparkmoe.train.ScheduleMetrics;
import org.sparkmoe.train.ScheduleTrace;
import org.sparkmoe.train.StepMetrics;
import org.sparkmoe.train.TrainingStart;

class TerminalProgressTest {
  private final StringWriter text = new StringWriter();

  private TerminalProgress progress(boolean terminal) {
    return new TerminalProgress(new PrintWriter(text), terminal);
  }

  @Test
  void aTerminalKeepsOneLine() {
    TerminalProgress progress = progress(true);
    progress.waiting("rank 3 to load its data", Duration.ofSeconds(5));
    progress.waiting("rank 3 to load its data", Duration.ofSeconds(10));
    progress.started(new TrainingStart(0, 10, 1_000, 64));
    progress.end();
    assertThat(text)
        .hasToString(
            "\r\u001b[K\u001b[?7lwaiting for rank 3 to load its data (5 s)\u001b[?7h"
                + "\r\u001b[K\u001b[?7lwaiting for rank 3 to load its data (10 s)\u001b[?7h"
                + "\r\u001b[Ktraining 1,000 parameters, 64 tokens a step, 10 steps"
                + System.lineSeparator());
  }

  @Test
  void elsewhereEveryLineStandsForItself() {
    TerminalProgress progress = progress(false);
    progress.started(new TrainingStart(4, 10, 1_000, 64));
    progress.evaluated(new EvaluationMetrics(6, 1.5, 2.25, 100, 3));
    progress.checkpointed(6, "dir/step-6");
    progress.end();
    assertThat(text.toString().lines())
        .containsExactly(
            "training 1,000 parameters, 64 tokens a step, 10 steps, going on after step 4",
            "step 6  validation loss 1.5000, 2.2500 bits per byte",
            "step 6  checkpoint dir/step-6");
  }

  @Test
  void aStepsModelFlopsAreToldWithTheirShareOfThePeakWhereThatIsKnown() {
    TerminalProgress progress = progress(false);
    progress.started(new TrainingStart(0, 1, 1_000, 64));
    progress.step(step(0.0123, null, null));
    progress.step(step(412.2, 0.4168, null));
    assertThat(text.toString().lines().skip(1))
        .containsExactly(
            "step 1/1  loss 2.5000  4,000 tokens/s  12.3 GFLOP/s a rank  ETA 0:00  imbalance 1.00",
            "step 1/1  loss 2.5000  4,000 tokens/s  412 TFLOP/s a rank (MFU 41.7 %)  ETA 0:00"
                + "  imbalance 1.00");
  }

  @Test
  void aScheduledStepsTimeIsToldBesideItsPrediction() {
    TerminalProgress progress = progress(false);
    progress.measuring();
    progress.started(new TrainingStart(0, 1, 1_000, 64));
    progress.step(step(0.0123, null, new ScheduleMetrics(8, 6, 0.5, List.of())));
    assertThat(text.toString().lines())
        .containsExactly(
            "measuring collectives, experts and attention to plan with, which takes up to a minute",
            "training 1,000 parameters, 64 tokens a step, 1 steps",
            "step 1/1  loss 2.5000  4,000 tokens/s  12.3 GFLOP/s a rank  ETA 0:00  imbalance 1.00"
                + "  schedule 8.0 ms, predicted 6.0 (-25 %)");
  }

  private static StepMetrics step(
      double teraflops, @Nullable Double mfu, @Nullable ScheduleMetrics schedule) {
    return new StepMetrics(
        1, 2.5, 0, 1e-3, 1, false, 4000, teraflops, mfu, 16, 0, 0, 0, List.of(), schedule);
  }

  @Test
  void elsewhereAWaitIsToldLessAndLessOften() {
    TerminalProgress progress = progress(false);
    for (int seconds = 5; seconds <= 40; seconds += 5) {
      progress.waiting("ranks 0, 1 to start", Duration.ofSeconds(seconds));
    }
    progress.waiting("rank 1 to load its data", Duration.ofSeconds(45));
    assertThat(text.toString().lines())
        .containsExactly(
            "waiting for ranks 0, 1 to start (5 s)",
            "waiting for ranks 0, 1 to start (10 s)",
            "waiting for ranks 0, 1 to start (20 s)",
            "waiting for ranks 0, 1 to start (40 s)",
            "waiting for rank 1 to load its data (45 s)");
  }

  @Test
  void aPlanIsToldWhenItChanges() {
    TerminalProgress progress = progress(false);
    for (long step : new long[] {1, 21, 40}) {
      List<Integer> degrees = step == 1 ? List.of(2) : List.of(4);
      progress.scheduled(new ScheduleTrace(step, "fsmoe", degrees, degrees, List.of(), List.of()));
    }
    assertThat(text.toString().lines())
        .containsExactly(
            "step 1  schedule fsmoe, degrees forward [2], backward [2]",
            "step 21  schedule fsmoe, degrees forward [4], backward [4]");
  }
}
