package org.sparkmoe.profile;

import org.bytedeco.pytorch.cuda.CUDAEvent;
import org.bytedeco.pytorch.global.torch_cuda;

/** Times work by the clock of the device that does it. */
@FunctionalInterface
interface DeviceClock {

  /** Microseconds from the begin to the end of what {@code work} does or queues. */
  double micros(Runnable work);

  /** Work that is done when it returns. */
  static DeviceClock host() {
    return work -> {
      long begin = System.nanoTime();
      work.run();
      return (System.nanoTime() - begin) / 1e3;
    };
  }

  /** Work on the current stream of the GPU. */
  static DeviceClock cuda() {
    return work -> {
      // 0: with timing. Recording creates the native event.
      try (CUDAEvent begin = new CUDAEvent(0);
          CUDAEvent end = new CUDAEvent(0)) {
        begin.record();
        work.run();
        end.record();
        torch_cuda.device_synchronize();
        return begin.elapsed_time(end) * 1e3;
      }
    };
  }
}
