package org.sparkmoe.fakegpu;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.Loader;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Context;
import org.bytedeco.pytorch.Dispatcher;
import org.bytedeco.pytorch.IValue;
import org.bytedeco.pytorch.IValueVector;
import org.bytedeco.pytorch.OperatorHandle;
import org.bytedeco.pytorch.OperatorHandleOptional;
import org.bytedeco.pytorch.OperatorName;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.DispatchKey;

/**
 * Lets operators on tensors of the GPU run their kernels of the CPU. Each operator that has both
 * kinds gets, for the GPU, a kernel of ours that calls it again with tensors of the CPU.
 */
final class CpuKernels {
  private static final String TORCH_CPU = "/org/bytedeco/pytorch/linux-x86_64-gpu/libtorch_cpu.so";
  private static final String RMS_NORM_BACKWARD = "aten::_fused_rms_norm_backward";

  /** They make tensors or views without a kernel, or concern the device itself. */
  private static final Set<String> OF_THE_GPU =
      Set.of(
          "empty",
          "empty_strided",
          "_efficientzerotensor",
          "_local_scalar_dense",
          "record_stream",
          "is_pinned",
          "_pin_memory",
          "view",
          "as_strided",
          "_reshape_alias",
          "alias",
          "unfold",
          "view_as_real",
          "view_as_complex",
          "set_",
          "is_set_to",
          "resize_");

  private final MixedDevices mixed;

  private CpuKernels(MixedDevices mixed) {
    this.mixed = mixed;
  }

  /** Registers them for the whole process, until its end. */
  static void install(String library, MixedDevices mixed) throws Exception {
    // What dispatch.cpp calls is found among global symbols only.
    Loader.loadGlobal(Loader.cacheResource(torch.class, TORCH_CPU).getPath());
    System.load(Path.of(library).toAbsolutePath().toString());
    begin(new CpuKernels(mixed));
    Dispatcher dispatcher = Dispatcher.singleton();
    int redirected = 0;
    for (OperatorName name : names(dispatcher)) {
      OperatorHandleOptional operator = dispatcher.findSchema(name);
      if (operator.has_value() && canMove(name.name().getString(), operator.get())) {
        redirect(dispatcher.address(), name.address(), DispatchKey.CUDA.value & 0xffff);
        redirected++;
      }
    }
    // Attention in one kernel has no counterpart on the CPU with the same results.
    Context context = torch.globalContext();
    context.setSDPUseFlash(false);
    context.setSDPUseMemEfficient(false);
    context.setSDPUseCuDNN(false);
    System.err.printf("fake GPU: %d operators run on the CPU%n", redirected);
  }

  private static List<OperatorName> names(Dispatcher dispatcher) {
    OperatorName all = dispatcher.getAllOpNames();
    List<OperatorName> names = new ArrayList<>();
    for (long i = 0; i < all.limit(); i++) {
      names.add(all.getPointer(i));
    }
    return names;
  }

  private static boolean canMove(String name, OperatorHandle operator) {
    // Copies have one kernel for all devices, which calls what differs.
    return name.startsWith("aten::")
        && !OF_THE_GPU.contains(name.substring("aten::".length()))
        && (operator.hasKernelForDispatchKey(DispatchKey.CUDA) || name.equals("aten::copy_"))
        && (operator.hasComputedKernelForDispatchKey(DispatchKey.CPU)
            || name.equals(RMS_NORM_BACKWARD));
  }

  /** Remembers whom {@code dispatch.cpp} is to call. */
  private static native void begin(CpuKernels kernels);

  /** Makes {@link #call} the operator's kernel for a device. */
  private static native void redirect(long dispatcher, long operatorName, int dispatchKey);

  /**
   * Called by {@code dispatch.cpp} in place of a kernel.
   *
   * @param stack address of the arguments, in whose place the results come
   * @return what went wrong, or null
   */
  @SuppressWarnings("unused")
  private String call(long operator, long stack) {
    try (PointerScope scope = new PointerScope()) {
      OperatorHandle handle = new OperatorHandle(new Address(operator));
      IValueVector values = new IValueVector(new Address(stack));
      String name = handle.schema().name().getString();
      Boxes boxes = new Boxes();
      boxes.toCpu(values);
      if (boxes.mixed()) {
        mixed.found(fullName(handle, name));
      }
      if (name.equals(RMS_NORM_BACKWARD)) {
        rmsNormBackward(values);
      } else {
        handle.callBoxed(values);
      }
      boxes.toGpu(values);
      return null;
    } catch (Throwable e) {
      // C++ throws it again.
      return String.valueOf(e.getMessage());
    }
  }

  private static String fullName(OperatorHandle handle, String name) {
    BytePointer overload = handle.schema().overload_name();
    return overload == null || overload.getString().isEmpty()
        ? name
        : name + "." + overload.getString();
  }

  /** libtorch has it for GPUs only; on the CPU autograd goes through the parts of the norm. */
  private static void rmsNormBackward(IValueVector stack) {
    Tensor gradient = stack.get(0).toTensor();
    Tensor input = stack.get(1).toTensor();
    Tensor inverse = stack.get(3).toTensor();
    Tensor weight = stack.get(4).toTensor();
    long width = input.size(input.dim() - 1);
    Tensor normal = input.mul(inverse);
    Tensor weighted = gradient.mul(weight);
    Tensor mean =
        weighted.mul(normal).sum(new long[] {-1}, true, null).div(new Scalar((double) width));
    Tensor inputs = weighted.sub(normal.mul(mean)).mul(inverse);
    Tensor weights = gradient.mul(normal).reshape(-1, width).sum(new long[] {0}, false, null);
    stack.resize(2);
    stack.put(0, new IValue(inputs));
    stack.put(1, new IValue(weights));
  }
}
