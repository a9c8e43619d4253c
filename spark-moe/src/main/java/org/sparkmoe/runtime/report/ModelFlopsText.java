package org.sparkmoe.runtime.report;

import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** How model FLOPs are told to people. */
public final class ModelFlopsText {
  private ModelFlopsText() {}

  /**
   * Three digits, as in {@code 412 TFLOP/s a rank (MFU 41.7 %)}.
   *
   * @param teraflops 10¹² operations a second and rank
   * @param mfu share of the peak; null leaves it out
   */
  public static String of(double teraflops, @Nullable Double mfu) {
    String rate = String.format(Locale.ROOT, "%.3g TFLOP/s a rank", teraflops);
    return mfu == null ? rate : rate + String.format(Locale.ROOT, " (MFU %.1f %%)", 100 * mfu);
  }
}
