package org.sparkmoe.schedule.reproduce;

import java.util.List;
import java.util.Locale;
import org.sparkmoe.schedule.cost.Testbed;

/** One of the paper's experiments. */
public enum Experiment {
  TABLE5,
  TABLE6,
  SWEEPS,
  MODELS;

  /** Number of equal layers in the stacks of the configured-layer experiment. */
  public static final int DEFAULT_DEPTH = 8;

  /**
   * Runs the experiment; takes seconds to minutes.
   *
   * @param testbeds to simulate
   * @param depth layers of each stack of configured layers
   * @return a report in Markdown
   */
  public String report(List<Testbed> testbeds, int depth) {
    StringBuilder report = new StringBuilder();
    for (Testbed testbed : testbeds) {
      report.append("## Testbed ").append(testbed.name()).append("\n\n");
      report.append(
          switch (this) {
            case TABLE5 -> Table5.run(testbed, depth).report();
            case TABLE6 -> Gates.report(testbed);
            case SWEEPS -> Sweeps.report(testbed, depth);
            case MODELS -> RealModels.report(testbed, depth);
          });
    }
    return report.toString();
  }

  /** The name by which the command line knows it. */
  @Override
  public String toString() {
    return name().toLowerCase(Locale.ROOT);
  }
}
