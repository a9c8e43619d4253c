package org.sparkmoe.lane;

import java.util.concurrent.CancellationException;
import java.util.concurrent.locks.LockSupport;
import org.bytedeco.pytorch.cuda.CUDAEvent;
import org.bytedeco.pytorch.cuda.CUDAStream;
import org.jspecify.annotations.Nullable;
import org.sparkmoe.tensor.TensorScope;

/** A CUDA event, whose native object is given back as soon as somebody learns that it is over. */
final class CudaEvent implements GpuEvent {
  /** {@code cudaEventDisableTiming}: cheaper, and all that dependencies need. */
  private static final int WITHOUT_TIMING = 2;

  private static final long POLL_NANOS = 20_000;

  private @Nullable CUDAEvent event;

  private CudaEvent(CUDAEvent event) {
    this.event = event;
  }

  static CudaEvent recordedOn(CUDAStream stream) {
    CUDAEvent event = TensorScope.keep(new CUDAEvent(WITHOUT_TIMING));
    event.record(stream);
    return new CudaEvent(event);
  }

  synchronized void block(CUDAStream stream) {
    if (event != null) {
      event.block(stream);
    }
  }

  @Override
  public synchronized boolean reached() {
    if (event != null && event.query()) {
      release();
    }
    return event == null;
  }

  /** Gives the native object back; nobody may wait for the event after that. */
  synchronized void release() {
    if (event != null) {
      TensorScope.release(event);
      event = null;
    }
  }

  @Override
  public void await() {
    while (!reached()) {
      LockSupport.parkNanos(POLL_NANOS);
      if (Thread.currentThread().isInterrupted()) {
        throw new CancellationException("interrupted while waiting for the GPU");
      }
    }
  }
}
