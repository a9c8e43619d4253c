package org.sparkmoe.lane;

/** One GPU, as far as lanes and communicators need it. */
public interface Gpu {

  /** Which kernels go first when several streams have some ready. */
  enum Priority {
    NORMAL,
    /** For communication: its kernels are few and short, and others wait for their end. */
    HIGH
  }

  /** Makes a stream. */
  GpuStream stream(Priority priority);

  /** The stream on which the calling thread issues its work; it is not to be closed. */
  GpuStream current();
}
