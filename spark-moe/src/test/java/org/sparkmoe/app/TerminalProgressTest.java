package org.sparkmoe.app;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.sparkmoe.train.EvaluationMetrics;
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
            "\r\u001b[Kwaiting for rank 3 to load its data (5 s)"
                + "\r\u001b[Kwaiting for rank 3 to load its data (10 s)"
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
}
