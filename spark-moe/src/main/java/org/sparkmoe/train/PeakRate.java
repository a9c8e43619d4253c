package org.sparkmoe.train;

import java.util.OptionalDouble;
import org.jspecify.annotations.Nullable;
import org.sparkmoe.model.ModelSize;
import org.sparkmoe.profile.Profile;
import org.sparkmoe.schedule.cost.LayerShape;

/**
 * How fast a rank's device takes matrix products at best, which model FLOPs utilisation is a share
 * of: as it is set, otherwise as it was measured for the schedule.
 *
 * @param set 10¹² operations a second, or 0 if nothing is set
 * @param operationsPerUnit of an expert, for each unit of work that a profile counts
 */
record PeakRate(double set, double operationsPerUnit) {

  PeakRate(TrainSetup setup, ModelSize model) {
    this(
        setup.peakTeraflops(),
        setup.schedule() == null ? 0 : operationsPerUnit(setup.schedule().layer(), model));
  }

  /**
   * A profile counts 2·M·H for a row whatever the expert, which takes 2 for each matrix element.
   */
  private static double operationsPerUnit(LayerShape layer, ModelSize model) {
    double units = 2.0 * layer.modelWidth() * layer.hiddenWidth();
    return 2.0 * model.expertMatrixElements() / units;
  }

  /**
   * 10¹² operations a second; null if it is neither set nor measured.
   *
   * @param measured null where no schedule runs
   */
  @Nullable Double teraflops(@Nullable Profile measured) {
    if (set > 0) {
      return set;
    }
    OptionalDouble rate =
        measured == null ? OptionalDouble.empty() : measured.expertTeraflops(operationsPerUnit);
    return rate.isPresent() ? rate.getAsDouble() : null;
  }
}
