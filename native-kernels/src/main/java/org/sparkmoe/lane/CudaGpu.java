package org.sparkmoe.lane;

import org.bytedeco.javacpp.Pointer;
import org.bytedeco.pytorch.Stream;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.cuda.CUDAStream;
import org.bytedeco.pytorch.cuda.CUDAStreamGuard;
import org.bytedeco.pytorch.global.torch_cuda;
import org.sparkmoe.tensor.LibTorch;
import org.sparkmoe.tensor.TensorScope;

/** A GPU by CUDA. Streams come from libtorch's pool, so that its allocator knows them. */
public final class CudaGpu implements Gpu {
  static {
    LibTorch.load();
  }

  private final byte index;

  private CudaGpu(byte index) {
    this.index = index;
  }

  /**
   * A GPU of this process.
   *
   * @param index among those that {@code CUDA_VISIBLE_DEVICES} leaves, from 0
   * @throws IllegalArgumentException if there is no such GPU
   * @throws UnsatisfiedLinkError if libtorch's CUDA libraries cannot be loaded
   */
  public static CudaGpu of(int index) {
    int count = torch_cuda.device_count();
    if (index < 0 || index >= count) {
      throw new IllegalArgumentException(
          "GPU %d does not exist, this process sees %d".formatted(index, count));
    }
    return new CudaGpu((byte) index);
  }

  /** All memory that it has, bytes. */
  public long memory() {
    return torch_cuda.getDeviceProperties(index).totalGlobalMem();
  }

  /** Makes this GPU the current one of the calling thread. */
  public void use() {
    torch_cuda.set_device(index);
  }

  @Override
  public GpuStream stream(Priority priority) {
    return new CudaStream(
        TensorScope.keep(torch_cuda.getStreamFromPool(priority == Priority.HIGH, index)));
  }

  @Override
  public GpuStream current() {
    return new CudaStream(torch_cuda.getCurrentCUDAStream(index));
  }

  private record CudaStream(CUDAStream stream) implements GpuStream {
    @Override
    public GpuEvent record() {
      return CudaEvent.recordedOn(stream);
    }

    @Override
    public void waitFor(GpuEvent event) {
      ((CudaEvent) event).block(stream);
    }

    @Override
    public void follow(GpuStream other) {
      CudaEvent now = CudaEvent.recordedOn(((CudaStream) other).stream);
      now.block(stream);
      // CUDA keeps what a stream waits for.
      now.release();
    }

    @Override
    public void run(Runnable issue) {
      try (Stream plain = stream.unwrap();
          Pointer guard = new CUDAStreamGuard(plain)) {
        issue.run();
      }
    }

    @Override
    public void uses(Tensor tensor) {
      if (!tensor.defined() || !tensor.is_cuda()) {
        return;
      }
      try (Stream plain = stream.unwrap()) {
        tensor.record_stream(plain);
      }
    }
  }
}
