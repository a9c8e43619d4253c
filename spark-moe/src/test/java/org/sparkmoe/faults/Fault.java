package org.sparkmoe.faults;

import java.util.List;

/**
 * A fault, and how training is to take it.
 *
 * @param name for the table
 * @param settings over {@link FaultRun#SETTINGS}
 * @param properties of Spark
 * @param ending what is to come of it
 * @param surroundings what the job needs for it
 * @param injection brings it about
 */
record Fault(
    String name,
    List<String> settings,
    List<String> properties,
    Ending ending,
    Surroundings surroundings,
    Injection injection) {

  /** What is to come of a fault. */
  enum Ending {
    /** The job restarts by itself, and its loss curve is that of an undisturbed run. */
    RESTARTS("restarts"),
    /**
     * The job restarts by itself with fewer ranks; its losses are those of an undisturbed run but
     * for the last digits.
     */
    SHRINKS("restarts with fewer ranks"),
    /** The job goes on as if nothing had happened. */
    UNHARMED("goes on"),
    /**
     * The job ends with a last checkpoint; resumed, its loss curve is that of an undisturbed run.
     */
    STOPS("last checkpoint, --resume"),
    /** The job dies; resumed, its loss curve is that of an undisturbed run. */
    DIES("--resume"),
    /** A restart would not help: the job fails at once. */
    FAILS("refuses to restart");

    private final String words;

    Ending(String words) {
      this.words = words;
    }

    String words() {
      return words;
    }
  }

  /** Brings a fault about. */
  @FunctionalInterface
  interface Injection {
    /**
     * Waits for its time first.
     *
     * @return when the fault began, by {@link System#nanoTime}
     */
    long into(Scene scene, Submission job) throws Exception;
  }

  static Fault of(String name, Ending ending, Injection injection) {
    return new Fault(name, List.of(), List.of(), ending, Surroundings.NONE, injection);
  }

  Fault with(List<String> more) {
    return new Fault(name, more, properties, ending, surroundings, injection);
  }

  Fault withSpark(List<String> more) {
    return new Fault(name, settings, more, ending, surroundings, injection);
  }

  Fault in(Surroundings more) {
    return new Fault(name, settings, properties, ending, more, injection);
  }
}
