package org.sparkmoe.runtime.report;

import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** How model FLOPs are told to people. */
public final class ModelFlopsText {
  private ModelFlopsText() {}

  /**
   * Three digits, as in {@code 412 TFLOP/s a rank (MFU 41.7 %)}; small models on CPUs in GFLOP/s or
   * MFLOP/s.
   *
   * @param teraflops 10¹² operations a second and rank
   * @param mfu share of the peak; null leaves it out
   */
  public static String of(double teraflops, @Nullable Double mfu) {
    String rate =
        teraflops >= 1
            ? String.format(Locale.ROOT, "%.3g TFLOP/s a rank", teraflops)
            : teraflops >= 1e-3
                ? String.format(Locale.ROOT, "%.3g GFLOP/s a rank", teraflops * 1e3)
                : String.format(Locale.ROOT, "%.3g MFLOP/s a rank", teraflops * 1e6);
    return mfu == null ? rate : rate + String.format(Locale.ROOT, " (MFU %.1f %%)", 100 * mfu);
  }
}
