package org.sparkmoe.runtime.report;

import java.io.IOException;
import java.net.InetAddress;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FSDataOutputStream;
import org.apache.hadoop.fs.Path;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.sparkmoe.moe.RoutingStats;
import org.sparkmoe.train.EvaluationMetrics;
import org.sparkmoe.train.StepMetrics;
import org.sparkmoe.train.TrainingListener;
import org.sparkmoe.train.TrainingStart;

/**
 * Writes what a training tells as a TensorBoard event file. It closes the file after the evaluation
 * at the end, and begins another when a training goes on, as TensorBoard expects.
 */
public final class TensorBoardListener implements TrainingListener {
  private static final Logger LOG = LoggerFactory.getLogger(TensorBoardListener.class);

  private final Path directory;
  private final Configuration hadoop;
  private @Nullable FSDataOutputStream out;
  private long steps;

  /**
   * @param directory made if it is not there
   */
  public TensorBoardListener(Path directory, Configuration hadoop) {
    this.directory = directory;
    this.hadoop = hadoop;
  }

  @Override
  public synchronized void started(TrainingStart start) {
    steps = start.steps();
    Instant now = Instant.now();
    try {
      close();
      Path file =
          new Path(
              directory,
              "events.out.tfevents.%d.%s.%d"
                  .formatted(
                      now.getEpochSecond(),
                      InetAddress.getLocalHost().getHostName(),
                      now.getNano()));
      out = file.getFileSystem(hadoop).create(file, false);
      out.write(TensorBoardEvent.version(now).record());
    } catch (IOException e) {
      giveUp(e);
    }
  }

  @Override
  public synchronized void step(StepMetrics metrics) {
    Map<String, Double> scalars = new LinkedHashMap<>();
    scalars.put("loss/training", metrics.loss());
    scalars.put("loss/auxiliary", metrics.auxLoss());
    scalars.put("train/learning-rate", metrics.learningRate());
    scalars.put("train/gradient-norm", metrics.gradientNorm());
    scalars.put("train/tokens-per-second", metrics.tokensPerSecond());
    scalars.put("train/teraflops", metrics.teraflops());
    if (metrics.mfu() != null) {
      scalars.put("train/mfu", metrics.mfu());
    }
    scalars.put("train/native-bytes", (double) metrics.nativeBytes());
    List<RoutingStats> layers = metrics.routing();
    for (int layer = 0; layer < layers.size(); layer++) {
      String prefix = "moe-layer-%d/".formatted(layer + 1);
      scalars.put(prefix + "imbalance", layers.get(layer).imbalance());
      scalars.put(prefix + "dropped-share", layers.get(layer).droppedShare());
      scalars.put(prefix + "gate-entropy", layers.get(layer).gateEntropy());
    }
    write(metrics.step(), scalars);
  }

  @Override
  public synchronized void evaluated(EvaluationMetrics metrics) {
    write(
        metrics.step(),
        Map.of(
            "loss/validation", metrics.loss(), "validation/bits-per-byte", metrics.bitsPerByte()));
    try {
      if (out != null) {
        out.hflush();
      }
      if (metrics.step() == steps) {
        close();
      }
    } catch (IOException e) {
      giveUp(e);
    }
  }

  private void write(long step, Map<String, Double> scalars) {
    if (out == null) {
      return;
    }
    try {
      out.write(TensorBoardEvent.scalars(Instant.now(), step, scalars).record());
    } catch (IOException e) {
      giveUp(e);
    }
  }

  private void close() throws IOException {
    if (out != null) {
      out.close();
      out = null;
    }
  }

  /** Training does not end because of a picture. */
  private void giveUp(IOException e) {
    out = null;
    LOG.warn("no more TensorBoard events in {}: {}", directory, e.toString());
  }
}
