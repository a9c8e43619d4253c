package org.sparkmoe.fakegpu;

import java.util.ArrayList;
import java.util.List;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.pytorch.Device;
import org.bytedeco.pytorch.DeviceOptional;
import org.bytedeco.pytorch.IValue;
import org.bytedeco.pytorch.IValueVector;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorList;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.TensorOptionalList;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.global.torch;

/**
 * The arguments of one call, of which tensors of the GPU become tensors of the CPU over the same
 * memory, and then its results, of which they become tensors of the GPU.
 */
final class Boxes {
  private record Pair(Tensor gpu, Tensor cpu) {
    boolean isGpu(Tensor tensor) {
      return gpu.unsafeGetTensorImpl().equals(tensor.unsafeGetTensorImpl());
    }

    boolean isCpu(Tensor tensor) {
      return cpu.unsafeGetTensorImpl().equals(tensor.unsafeGetTensorImpl());
    }
  }

  private final List<Pair> pairs = new ArrayList<>();
  private final List<TensorList> lists = new ArrayList<>();
  private boolean onGpu;
  private boolean onHost;

  /** Whether tensors lie on both; a single number may lie anywhere. */
  boolean mixed() {
    return onGpu && onHost;
  }

  void toCpu(IValueVector stack) {
    for (long i = 0; i < stack.size(); i++) {
      IValue value = stack.get(i);
      if (value.isTensor()) {
        stack.put(i, new IValue(cpu(new Tensor(value.toTensor()))));
      } else if (value.isTensorList()) {
        TensorList list = value.toTensorList();
        for (long j = 0; j < list.size(); j++) {
          list.set(j, cpu(new Tensor(list.get(j))));
        }
        lists.add(list);
      } else if (value.isOptionalTensorList()) {
        optionalsToCpu(value.toOptionalTensorList());
      } else if (value.isDevice() && value.toDevice().is_cuda()) {
        stack.put(i, new IValue(new Device("cpu")));
      }
    }
  }

  private void optionalsToCpu(TensorOptionalList list) {
    for (long j = 0; j < list.size(); j++) {
      TensorOptional tensor = list.get(j);
      if (tensor.has_value()) {
        list.set(j, new TensorOptional(cpu(new Tensor(tensor.get()))));
      }
    }
  }

  void toGpu(IValueVector stack) {
    // The caller sees its lists again, for example those of operators in place.
    lists.forEach(this::listToGpu);
    pairs.forEach(Boxes::resizedAsOnCpu);
    for (long i = 0; i < stack.size(); i++) {
      IValue value = stack.get(i);
      if (value.isTensor()) {
        stack.put(i, new IValue(gpu(new Tensor(value.toTensor()))));
      } else if (value.isTensorList()) {
        listToGpu(value.toTensorList());
      }
    }
  }

  private void listToGpu(TensorList list) {
    for (long j = 0; j < list.size(); j++) {
      list.set(j, gpu(new Tensor(list.get(j))));
    }
  }

  private Tensor cpu(Tensor tensor) {
    if (!tensor.defined()) {
      return tensor;
    }
    if (tensor.dim() > 0) {
      onGpu |= tensor.is_cuda();
      onHost |= !tensor.is_cuda();
    }
    if (!tensor.is_cuda()) {
      return tensor;
    }
    for (Pair pair : pairs) {
      if (pair.isGpu(tensor)) {
        return pair.cpu;
      }
    }
    long[] sizes = tensor.sizes().vec().get();
    TensorOptions options = new TensorOptions(tensor.scalar_type());
    // An empty tensor may be an output that the operator gives its size.
    Tensor cpu =
        tensor.numel() == 0
            ? torch.empty(sizes, options, null)
            : torch.from_blob(
                new Address(tensor.data_ptr().address()),
                sizes,
                tensor.strides().vec().get(),
                options);
    pairs.add(new Pair(tensor, cpu));
    return cpu;
  }

  private Tensor gpu(Tensor tensor) {
    if (!tensor.defined() || tensor.is_cuda()) {
      return tensor;
    }
    for (Pair pair : pairs) {
      if (pair.isCpu(tensor)) {
        return pair.gpu;
      }
    }
    long[] sizes = tensor.sizes().vec().get();
    long[] strides = tensor.strides().vec().get();
    TensorOptions options =
        new TensorOptions(tensor.scalar_type()).device(new DeviceOptional(new Device("cuda:0")));
    Tensor gpu = torch.empty_strided(sizes, strides, options);
    if (tensor.numel() > 0) {
      long elements = 1;
      for (int i = 0; i < sizes.length; i++) {
        elements += (sizes[i] - 1) * strides[i];
      }
      Pointer.memcpy(gpu.data_ptr(), tensor.data_ptr(), elements * tensor.element_size());
    }
    return gpu;
  }

  private static void resizedAsOnCpu(Pair pair) {
    Tensor cpu = pair.cpu;
    if (pair.gpu.numel() == 0 && cpu.numel() > 0) {
      pair.gpu.resize_(cpu.sizes().vec().get());
      Pointer.memcpy(
          pair.gpu.data_ptr(), cpu.contiguous().data_ptr(), cpu.numel() * cpu.element_size());
    }
  }
}
