package org.sparkmoe.train;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileContext;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Options.Rename;
import org.apache.hadoop.fs.Path;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.sparkmoe.schedule.sim.ChromeTrace;
import org.sparkmoe.schedule.sim.Timeline;

/**
 * The trace of a running job: always a whole one, of the latest step or one a few seconds older.
 * Trouble with it is logged and does not stop training.
 */
final class TraceFile implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(TraceFile.class);
  private static final long PAUSE_NANOS = TimeUnit.SECONDS.toNanos(5);

  private final Path file;
  private final Configuration hadoop;
  private List<Timeline> unwritten = List.of();
  private long notBefore = System.nanoTime();

  TraceFile(String file, Configuration hadoop) {
    this.file = new Path(file);
    this.hadoop = hadoop;
  }

  /** Takes the place of the trace before, unless that is only seconds old: then at the end. */
  void put(List<Timeline> timelines) {
    unwritten = List.copyOf(timelines);
    if (System.nanoTime() - notBefore >= 0) {
      write();
    }
  }

  private void write() {
    notBefore = System.nanoTime() + PAUSE_NANOS;
    Path aside = file.suffix(".writing");
    try {
      FileSystem files = file.getFileSystem(hadoop);
      try (OutputStream out = files.create(aside, true)) {
        out.write(ChromeTrace.of(unwritten).getBytes(StandardCharsets.UTF_8));
      }
      FileContext.getFileContext(files.getUri(), hadoop).rename(aside, file, Rename.OVERWRITE);
      unwritten = List.of();
    } catch (IOException e) {
      LOG.warn("schedule.trace is {}, which cannot be written: {}", file, e.toString());
    }
  }

  @Override
  public void close() {
    if (!unwritten.isEmpty()) {
      write();
    }
  }
}
