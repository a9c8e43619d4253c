package org.sparkmoe.lane;

import org.bytedeco.pytorch.Tensor;

/** A queue of a GPU's work. None of the methods waits for the GPU. */
public interface GpuStream {

  /** Marks the end of what has been queued so far. */
  GpuEvent record();

  /** What is queued from now on begins after {@code event}. */
  void waitFor(GpuEvent event);

  /**
   * What is queued from now on begins after what {@code other} holds now. Unlike a {@linkplain
   * #record recorded} event, this leaves no native object that somebody must ask about.
   */
  void follow(GpuStream other);

  /** Runs {@code issue} on the calling thread with this stream as the current one. */
  void run(Runnable issue);

  /**
   * Keeps the memory of a tensor from being given to others before what is queued here so far is
   * complete, even if the tensor is freed at once. Does nothing for memory of the host.
   */
  void uses(Tensor tensor);
}
