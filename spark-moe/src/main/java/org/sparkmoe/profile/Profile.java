package org.sparkmoe.profile;

import java.util.ArrayList;
import java.util.List;
import java.util.OptionalDouble;
import java.util.stream.DoubleStream;
import org.sparkmoe.schedule.cost.CostFit;
import org.sparkmoe.schedule.cost.CostModel;
import org.sparkmoe.schedule.cost.CostModels;

/**
 * Fitted cost models of a job, times in milliseconds.
 *
 * @param fits in the order of {@link #NAMES}
 */
public record Profile(List<CostFit> fits) {
  /** What is measured. */
  public static final List<String> NAMES =
      List.of(
          "all-to-all",
          "all-gather",
          "reduce-scatter",
          "all-reduce",
          "expert",
          "attention",
          "expert backward",
          "attention backward",
          "gate",
          "gate backward",
          "inverse order",
          "inverse order backward");

  /** Numbers of a profile: α, β and r² of each. */
  static final int VALUES = 3 * NAMES.size();

  private static final int EXPERT = NAMES.indexOf("expert");
  private static final int EXPERT_BACKWARD = NAMES.indexOf("expert backward");
  private static final double PAPER_MP = 4;

  public Profile {
    fits = List.copyOf(fits);
    if (fits.size() != NAMES.size()) {
      throw new IllegalArgumentException(
          "profile of %d fits, must be one each of %s".formatted(fits.size(), NAMES));
    }
  }

  /** The models for planning. */
  public CostModels costs() {
    return new CostModels(
        model(0), model(1), model(2), model(3), model(4), model(5), model(6), model(7), model(8),
        model(9), model(10), model(11));
  }

  /**
   * The rate of the experts' matrix products, forward or backward, whichever is higher; start-up
   * times left out.
   *
   * @param operationsPerUnit multiplications and additions for each unit of an expert's workload
   * @return 10¹² operations a second of a rank; empty where time did not grow with work
   */
  public OptionalDouble expertTeraflops(double operationsPerUnit) {
    // Backward takes two products for each of forward: by the input and by the weights.
    double millis = Math.min(model(EXPERT).beta(), model(EXPERT_BACKWARD).beta() / 2);
    return millis > 0
        ? OptionalDouble.of(operationsPerUnit / millis / 1e9)
        : OptionalDouble.empty();
  }

  private CostModel model(int index) {
    return fits.get(index).model();
  }

  /** One line a model: α in ms, β in ms per unit, r². */
  @Override
  public String toString() {
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < NAMES.size(); i++) {
      text.append(
          "%-22s alpha %.5f ms, beta %.4e ms, r2 %.4f%n"
              .formatted(NAMES.get(i), model(i).alpha(), model(i).beta(), fits.get(i).rSquared()));
    }
    return text.toString();
  }

  /**
   * The models as a testbed file, which {@code plan} and {@code simulate} read. Such a file counts
   * attention's work as if four ranks shared it, whatever N_MP; β makes up for that. Its readers
   * double forward for backward, so a third of both directions stands there for forward.
   */
  public String asTestbed(JobShape job) {
    String expert = third(4, 6, 1);
    return """
        # Measured for %s.
        # alpha: ms; beta: ms per unit of work.
        testbed {
          name = measured
          nodes = %d
          ranks-per-node = %d
          communication-units-per-element = 1
          all-to-all     %s
          all-gather     %s
          reduce-scatter %s
          all-reduce     %s
          expert {
            simple  %s
            mixtral %s
          }
          attention {
            "%d" %s
          }
        }
        """
        .formatted(
            job,
            job.topology().world() / job.topology().nEsp(),
            job.topology().nEsp(),
            line(0),
            line(1),
            line(2),
            line(3),
            expert,
            expert,
            job.layer().sequence(),
            third(5, 7, PAPER_MP / job.topology().nMp()));
  }

  private String line(int index) {
    return line(model(index), fits.get(index).rSquared());
  }

  private String third(int forward, int backward, double betaFactor) {
    CostModel third =
        new CostModel(
            (model(forward).alpha() + model(backward).alpha()) / 3,
            (model(forward).beta() + model(backward).beta()) / 3);
    return line(third.perUnit(betaFactor), fits.get(forward).rSquared());
  }

  private static String line(CostModel model, double rSquared) {
    return "{ alpha = %s, beta = %s } # r2 %.4f".formatted(model.alpha(), model.beta(), rSquared);
  }

  /** α, β and r² of every model, for sending and storing. */
  public double[] values() {
    return fits.stream()
        .flatMapToDouble(
            fit -> DoubleStream.of(fit.model().alpha(), fit.model().beta(), fit.rSquared()))
        .toArray();
  }

  /**
   * Of what {@link #values} gave.
   *
   * @throws IllegalArgumentException if there are more or fewer numbers, or one that a cost model
   *     cannot have
   */
  public static Profile of(double[] values) {
    if (values.length != VALUES) {
      throw new IllegalArgumentException(
          "profile of %d numbers, must be %d".formatted(values.length, VALUES));
    }
    List<CostFit> fits = new ArrayList<>();
    for (int i = 0; i < NAMES.size(); i++) {
      fits.add(new CostFit(new CostModel(values[3 * i], values[3 * i + 1]), values[3 * i + 2]));
    }
    return new Profile(fits);
  }
}
