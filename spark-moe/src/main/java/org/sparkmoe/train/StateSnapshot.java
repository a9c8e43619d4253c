package org.sparkmoe.train;

import java.util.EnumMap;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.Device;
import org.bytedeco.pytorch.Tensor;
import org.sparkmoe.tensor.DeviceMemory;
import org.sparkmoe.tensor.TensorScope;

/**
 * A copy of values and moments in the host's memory, written from while training changes the
 * originals. The copies are allocated once and filled again for every checkpoint.
 */
final class StateSnapshot implements StateTensors, AutoCloseable {
  private final Map<ParameterGroup, Map<StatePart, Tensor>> copies = new IdentityHashMap<>();

  /**
   * @param owned the groups that this rank writes
   */
  StateSnapshot(List<ParameterGroup> owned) {
    for (ParameterGroup group : owned) {
      Map<StatePart, Tensor> parts = new EnumMap<>(StatePart.class);
      try (TensorScope scope = TensorScope.open()) {
        for (StatePart part : StatePart.values()) {
          parts.put(part, TensorScope.keep(onHost(part.flat(group))));
        }
      }
      copies.put(group, parts);
    }
  }

  /** Filled, so that the host's memory is taken now; never made on a GPU, which may be full. */
  private static Tensor onHost(Tensor flat) {
    return DeviceMemory.zeros(new Device("cpu"), flat.scalar_type(), flat.numel());
  }

  /** Copies the state as it is now. */
  void take() {
    try (TensorScope scope = TensorScope.open()) {
      copies.forEach((group, parts) -> parts.forEach((part, copy) -> copy.copy_(part.flat(group))));
    }
  }

  @Override
  public Tensor flat(ParameterGroup group, StatePart part) {
    return copies.get(group).get(part);
  }

  @Override
  public void close() {
    copies.values().forEach(parts -> parts.values().forEach(TensorScope::release));
    copies.clear();
  }
}
