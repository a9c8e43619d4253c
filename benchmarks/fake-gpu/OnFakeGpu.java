package org.sparkmoe.fakegpu;

import java.lang.reflect.InvocationTargetException;
import java.util.Arrays;
import org.bytedeco.pytorch.global.torch_cuda;
import org.sparkmoe.tensor.LibTorch;

/** Starts a program as on a machine with one GPU. The driver and CUDA's libraries are fakes. */
public final class OnFakeGpu {
  private OnFakeGpu() {}

  /**
   * Arguments: the library of {@code dispatch.cpp}, whether an operator that is given tensors of
   * several devices fails, the class to start, its arguments.
   */
  public static void main(String[] arguments) throws Throwable {
    LibTorch.load();
    // Loads CUDA's part, whose operators are then registered.
    torch_cuda.device_count();
    CpuKernels.install(arguments[0], new MixedDevices(Boolean.parseBoolean(arguments[1])));
    String[] rest = Arrays.copyOfRange(arguments, 3, arguments.length);
    try {
      Class.forName(arguments[2]).getMethod("main", String[].class).invoke(null, (Object) rest);
    } catch (InvocationTargetException e) {
      throw e.getCause();
    }
  }
}
