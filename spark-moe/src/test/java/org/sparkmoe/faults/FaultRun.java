package org.sparkmoe.faults;

import java.nio.file.Files;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Trains under a fault and measures what comes of it. */
final class FaultRun {
  /** Of every run. */
  static final List<String> SETTINGS =
      List.of(
          "cluster.ranks=2",
          "cluster.ep=2",
          "cluster.collective-timeout=20s",
          "train.steps=200",
          "checkpoint.every=20",
          "checkpoint.keep=3",
          "restart.silence-timeout=5s",
          "restart.end-timeout=5s",
          // Whether the plan is changed on the way is a matter of the clock.
          "schedule.replan-after=1000000",
          // What each rank does then does not depend on how many there are.
          "moe.capacity-factor=*",
          "moe.aux-loss=0");

  /** Relative, between layouts. */
  private static final double TOLERANCE = 1e-4;

  private static final Pattern STARTED = Pattern.compile("tokens a step, \\d+ steps");
  private static final Pattern DETECTED =
      Pattern.compile("ending all ranks|told to end|cancelled|spark-moe: ");
  private static final Pattern ENDED = Pattern.compile("all ranks have ended");
  private static final Pattern RESUMED = Pattern.compile("going on after step (\\d+)");
  private static final Pattern RESTART = Pattern.compile("restart \\d+ of \\d+, with");
  private static final Pattern CAUSE =
      Pattern.compile("^(rank \\d+ on .*|spark-moe: .*|training stopped .*)");

  /**
   * What came of a fault.
   *
   * @param detected seconds from the fault to the driver's first word of it; NaN if there was none
   * @param ended seconds from the fault to the end of all ranks; NaN if they did not end
   * @param step that training went on from; -1 if it did not
   * @param difference the largest relative one of the loss curve from the undisturbed one; NaN if
   *     there is no curve
   * @param exitCode of the driver, before a {@code --resume}
   * @param expected whether it ended as it was to
   * @param cause what the user was told
   */
  record Result(
      double detected,
      double ended,
      long step,
      double difference,
      int exitCode,
      boolean expected,
      String cause) {}

  private final Scene scene;
  private final Fault fault;

  FaultRun(Scene scene, Fault fault) {
    this.scene = scene;
    this.fault = fault;
  }

  /**
   * A run that nothing happened to.
   *
   * @param scene where it was
   * @param curve of its losses
   */
  record Reference(Scene scene, Curve curve) {}

  /** Trains without a fault. */
  static Reference undisturbed(Scene scene, List<String> settings) throws Exception {
    try (Submission job = scene.prepare().train(settings)) {
      int code = job.exitCode();
      if (code != 0) {
        throw new IllegalStateException("exit code " + code + ":\n" + job.output());
      }
      return new Reference(scene, Curve.of(scene.model()));
    }
  }

  Result against(Reference reference) throws Exception {
    scene.prepare().withProfilesOf(reference.scene());
    fault.surroundings().up(scene);
    try {
      return train(reference.curve());
    } finally {
      fault.surroundings().down(scene);
    }
  }

  private Result train(Curve reference) throws Exception {
    List<String> settings = new ArrayList<>(SETTINGS);
    settings.addAll(fault.settings());
    try (Submission job = scene.train(settings)) {
      if (fault.ending() != Fault.Ending.FAILS) {
        job.await(STARTED, 0);
        scene.forgetProfiles();
      }
      long injected = fault.injection().into(scene, job);
      int code = job.exitCode();
      Optional<Submission.Line> ended = ended(job, injected);
      Files.writeString(scene.directory().resolve("output.txt"), job.output());
      long step = resumedAt(job, injected);
      boolean restarted = job.first(RESTART, injected).isPresent();
      if (fault.ending() == Fault.Ending.STOPS || fault.ending() == Fault.Ending.DIES) {
        step = resume(settings);
      }
      Curve curve =
          Files.exists(scene.model().resolve("training-log.jsonl"))
              ? Curve.of(scene.model())
              : new Curve(List.of());
      double difference = curve.points().isEmpty() ? Double.NaN : curve.difference(reference);
      return new Result(
          seconds(job.first(DETECTED, injected), injected),
          seconds(ended, injected),
          step,
          difference,
          code,
          asExpected(code, restarted, step, difference),
          cause(job, injected));
    }
  }

  /** When the driver says so, or, where it is gone itself, when its executors are. */
  private Optional<Submission.Line> ended(Submission job, long injected)
      throws InterruptedException {
    if (fault.ending() != Fault.Ending.DIES) {
      return job.first(ENDED, injected);
    }
    while (!job.executors().isEmpty()) {
      Thread.sleep(10);
    }
    return Optional.of(new Submission.Line(System.nanoTime(), ""));
  }

  private static double seconds(Optional<Submission.Line> line, long since) {
    return line.map(l -> (l.nanos() - since) / (double) TimeUnit.SECONDS.toNanos(1))
        .orElse(Double.NaN);
  }

  private static long resumedAt(Submission job, long since) {
    return job.first(RESUMED, since)
        .map(
            line -> {
              Matcher matcher = RESUMED.matcher(line.text());
              return matcher.find() ? Long.parseLong(matcher.group(1)) : -1;
            })
        .orElse(-1L);
  }

  private long resume(List<String> settings) throws Exception {
    try (Submission job = scene.train(settings, "--resume")) {
      int code = job.exitCode();
      if (code != 0) {
        throw new IllegalStateException("exit code " + code + ":\n" + job.output());
      }
      return resumedAt(job, 0);
    }
  }

  private boolean asExpected(int code, boolean restarted, long step, double difference) {
    return switch (fault.ending()) {
      case RESTARTS -> code == 0 && restarted && step >= 0 && difference == 0;
      case SHRINKS -> code == 0 && restarted && step >= 0 && difference < TOLERANCE;
      case UNHARMED -> code == 0 && !restarted && difference == 0;
      case STOPS -> (code == 3 || code == 143) && step > 0 && difference == 0;
      case DIES -> code != 0 && step > 0 && difference == 0;
      case FAILS -> code == 1 && step < 0;
    };
  }

  private static String cause(Submission job, long since) {
    return job.first(CAUSE, since)
        .map(
            line -> {
              Matcher matcher = CAUSE.matcher(line.text());
              return matcher.find() ? matcher.group(1) : "";
            })
        .orElse("");
  }

  /** A row of the table. */
  String row(Result result) {
    return String.format(
        Locale.ROOT,
        "| %s | %s | %s | %s | %s | %s | %d | %s |",
        fault.name(),
        fault.ending().words(),
        number(result.detected()),
        number(result.ended()),
        result.step() < 0 ? "–" : result.step(),
        curve(result.difference()),
        result.exitCode(),
        result.expected() ? "yes" : "**no**");
  }

  private static String curve(double difference) {
    if (Double.isNaN(difference)) {
      return "–";
    }
    if (difference == 0) {
      return "yes, every bit";
    }
    return String.format(
        Locale.ROOT, difference < TOLERANCE ? "within %.1e" : "no: %.1e", difference);
  }

  private static String number(double value) {
    return Double.isNaN(value) ? "–" : String.format(Locale.ROOT, "%.1f", value);
  }
}
