package org.sparkmoe.train;

import java.io.BufferedReader;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.apache.hadoop.fs.Path;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Finds the newest checkpoint that every rank can use, and fills weights and moments from it. */
final class Resumption {
  private static final Logger LOG = LoggerFactory.getLogger(Resumption.class);
  private static final long NONE = -1;

  private final CheckpointDirectory directory;
  private final RankReports ranks;

  Resumption(CheckpointDirectory directory, RankReports ranks) {
    this.directory = directory;
    this.ranks = ranks;
  }

  /** What was found. */
  record Found(TrainingState state, Path directory) {}

  /**
   * Makes sure that nothing is there to be mixed up with a run that starts at step 0.
   *
   * @throws CheckpointException if there are checkpoints
   */
  void refuseIfAny() {
    List<Long> steps = agreedSteps();
    if (!steps.isEmpty()) {
      throw new CheckpointException(
          ("%s holds the checkpoint of step %d of an earlier run: set checkpoint.resume = true to go"
                  + " on from it, or name another checkpoint.directory")
              .formatted(directory.root(), steps.get(0)));
    }
  }

  /**
   * Resumes from the newest usable checkpoint; all ranks together.
   *
   * @param elements of all whole parameters of the model
   * @return empty if there are no checkpoints
   * @throws CheckpointException if there are some, but none can be used
   * @throws IllegalArgumentException if one can, but was written with another seed or batch
   */
  Optional<Found> resume(
      List<ParameterGroup> parameters, TrainingCursor configured, long elements) {
    return resume(parameters, configured, elements, Long.MAX_VALUE);
  }

  /**
   * The same from a checkpoint of at most {@code latest} steps.
   *
   * @return empty if there are no such checkpoints
   */
  Optional<Found> resume(
      List<ParameterGroup> parameters, TrainingCursor configured, long elements, long latest) {
    List<Long> steps = agreedSteps().stream().filter(step -> step <= latest).toList();
    List<String> reasons = new ArrayList<>();
    for (long step : steps) {
      Attempt attempt = new Attempt(directory.published(step), parameters, elements);
      @Nullable Exception failure = RankReports.attempt(attempt::run);
      long[][] reports = ranks.gather(failure == null ? 0 : 1);
      if (attempt.found != null && noneFailed(reports)) {
        attempt.found.state().cursor().checkSettings(configured);
        return Optional.of(attempt.found);
      }
      String reason = failure == null ? "another rank could not read it" : failure.getMessage();
      LOG.warn("checkpoint {} cannot be used: {}", directory.published(step), reason);
      reasons.add("step %d: %s".formatted(step, reason));
    }
    if (!reasons.isEmpty()) {
      throw new CheckpointException(
          "%s holds no checkpoint that can be used:%n%s"
              .formatted(directory.root(), String.join("\n", reasons)));
    }
    return Optional.empty();
  }

  private static boolean noneFailed(long[][] reports) {
    for (long[] report : reports) {
      if (report[0] != 0) {
        return false;
      }
    }
    return true;
  }

  /** What rank 0 sees, the newest first: file systems may show other ranks an older state. */
  private List<Long> agreedSteps() {
    List<Long> seen = new ArrayList<>();
    ranks.first("list " + directory.root(), () -> seen.addAll(directory.steps()));
    List<Long> agreed = new ArrayList<>();
    for (int i = 0; ; i++) {
      long step = ranks.gather(i < seen.size() ? seen.get(i) : NONE)[0][0];
      if (step == NONE) {
        return agreed;
      }
      agreed.add(step);
    }
  }

  private final class Attempt {
    private final Path checkpoint;
    private final List<ParameterGroup> parameters;
    private final long elements;
    private @Nullable Found found;

    Attempt(Path checkpoint, List<ParameterGroup> parameters, long elements) {
      this.checkpoint = checkpoint;
      this.parameters = parameters;
      this.elements = elements;
    }

    void run() throws IOException {
      try (CheckpointReader reader = CheckpointReader.open(directory.files(), checkpoint)) {
        if (reader.elements() != elements) {
          throw new IOException(
              "%s has %d parameters, the model has %d: it is of another model"
                  .formatted(checkpoint, reader.elements(), elements));
        }
        reader.restore(parameters);
        found =
            new Found(
                new TrainingState(reader.cursor(), log(), reader.plan(ranks.rank()).orElse(null)),
                checkpoint);
      }
    }

    private List<String> log() throws IOException {
      Path file = new Path(checkpoint, CheckpointWriter.LOG_FILE);
      try (BufferedReader in =
          new BufferedReader(
              new InputStreamReader(directory.files().open(file), StandardCharsets.UTF_8))) {
        return in.lines().toList();
      } catch (FileNotFoundException e) {
        return List.of();
      }
    }
  }
}
