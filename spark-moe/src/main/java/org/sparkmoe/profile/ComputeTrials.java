package org.sparkmoe.profile;

import org.bytedeco.pytorch.Device;

/** Computation of a job, of any size, to be timed. */
public interface ComputeTrials {

  /**
   * One size.
   *
   * @param forward runs forward alone
   * @param both runs forward and then backward
   */
  record Trial(Runnable forward, Runnable both) {}

  /** Where it computes; the communicators of the job want their tensors there too. */
  default Device device() {
    return new Device("cpu");
  }

  /** For the key of kept profiles. */
  String name();

  /**
   * This rank's experts.
   *
   * @param rows of all its experts together
   */
  Trial expert(long rows);

  /** Norm, gate and order of {@code tokens} tokens of a rank; all ranks run it at the same time. */
  Trial gate(long tokens);

  /** Inverse order of {@code tokens} tokens of a rank, and their sum with the residual stream. */
  Trial inverseOrder(long tokens);

  /** The computation of attention over {@code batch} sequences of {@code length} tokens. */
  Trial attention(long batch, long length);
}
