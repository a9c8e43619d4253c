package org.sparkmoe.train;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.bytedeco.pytorch.BoolOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.jspecify.annotations.Nullable;
import org.sparkmoe.collective.Communicator;
import org.sparkmoe.kernel.OptimizerKernels;
import org.sparkmoe.tensor.ComputeCopy;
import org.sparkmoe.tensor.Parameter;
import org.sparkmoe.tensor.TensorScope;
import org.sparkmoe.topology.RankGroups;

/**
 * The parameters that are treated alike, laid end to end in four flat tensors: values, gradients
 * and both moments; and a fifth with copies in the compute type where they have such.
 *
 * <p>A parameter's value and gradient become views of the flat tensors, so that the model and
 * autograd work in place, and clearing, summing over ranks, norm and update take a few calls over
 * long rows instead of thousands over short ones. Gradients are there from the start and zero,
 * which is right for an expert that gets no token and keeps collectives equal on all ranks.
 */
final class ParameterGroup implements AutoCloseable {
  /** Elements; a whole number of cache lines, so that every parameter starts on one. */
  private static final long ALIGNMENT = 16;

  /** One parameter's place in the flat tensors, in elements. */
  record Slot(Parameter parameter, long start, long count) {}

  private final Parameter.Replication replication;
  private final boolean decay;
  private final List<Slot> slots;
  private final Tensor values;
  private final Tensor gradients;
  private final Tensor firstMoments;
  private final Tensor secondMoments;
  private final @Nullable Tensor copies;

  private ParameterGroup(List<Parameter> parameters) {
    Parameter first = parameters.get(0);
    replication = first.replication();
    decay = first.decay();
    slots = new ArrayList<>();
    long end = 0;
    for (Parameter parameter : parameters) {
      long count = parameter.value().numel();
      slots.add(new Slot(parameter, end, count));
      end += (count + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    }
    try (TensorScope scope = TensorScope.open()) {
      TensorOptions like = first.value().options().requires_grad(new BoolOptional(false));
      values = TensorScope.keep(torch.zeros(new long[] {end}, like));
      copies = copied(first) == null ? null : TensorScope.keep(values.to(copied(first)));
      // Frees where the values were, before the rest takes its room.
      slots.forEach(this::adopt);
      gradients = TensorScope.keep(torch.zeros(new long[] {end}, like));
      firstMoments = TensorScope.keep(torch.zeros(new long[] {end}, like));
      secondMoments = TensorScope.keep(torch.zeros(new long[] {end}, like));
      for (Slot slot : slots) {
        slot.parameter().value().mutable_grad().put(box(gradients, slot));
      }
    }
  }

  /** All parameters, in groups whose order is the same on every rank. */
  static List<ParameterGroup> of(List<Parameter> parameters) {
    List<ParameterGroup> groups = new ArrayList<>();
    for (Parameter.Replication replication : Parameter.Replication.values()) {
      for (boolean decay : new boolean[] {true, false}) {
        Map<Boolean, List<Parameter>> alike =
            parameters.stream()
                .filter(p -> p.replication() == replication && p.decay() == decay)
                .collect(Collectors.partitioningBy(p -> copied(p) != null));
        alike.values().stream()
            .filter(some -> !some.isEmpty())
            .forEach(some -> groups.add(new ParameterGroup(some)));
      }
    }
    return groups;
  }

  /** The type of the parameter's copy; null if it has none. */
  private static @Nullable ScalarType copied(Parameter parameter) {
    ComputeCopy copy = parameter.copy();
    return copy == null || copy.isMaster() ? null : copy.type();
  }

  private void adopt(Slot slot) {
    Tensor value = slot.parameter().value();
    long[] shape = value.sizes().vec().get();
    Tensor place = part(values, slot).view(shape);
    place.copy_(value.detach());
    value.set_data(place);
    // Who keeps a copy in another type looks at the version, which updates of the flat tensor bump.
    value.unsafeGetTensorImpl().set_version_counter(place.unsafeGetTensorImpl().version_counter());
    ComputeCopy copy = slot.parameter().copy();
    if (copies != null && copy != null) {
      copy.lieIn(part(copies, slot).view(shape));
    }
  }

  private static Tensor part(Tensor flat, Slot slot) {
    return flat.narrow(0, slot.start(), slot.count());
  }

  Parameter.Replication replication() {
    return replication;
  }

  boolean decay() {
    return decay;
  }

  List<Slot> slots() {
    return slots;
  }

  /** {@code [n]} f32 or f64. */
  Tensor values() {
    return values;
  }

  /** {@code [n]} as {@link #values}. */
  Tensor gradients() {
    return gradients;
  }

  /** {@code [n]} as {@link #values}; Adam's running mean of the gradient. */
  Tensor firstMoments() {
    return firstMoments;
  }

  /** {@code [n]} as {@link #values}; Adam's running mean of the squared gradient. */
  Tensor secondMoments() {
    return secondMoments;
  }

  /**
   * Updates values, moments and copies.
   *
   * @param kernels do it
   * @param factors of the update
   */
  void update(OptimizerKernels kernels, OptimizerKernels.Factors factors) {
    kernels.adamW(
        new OptimizerKernels.Flat(values, gradients, firstMoments, secondMoments, copies), factors);
    for (Slot slot : slots) {
      ComputeCopy copy = slot.parameter().copy();
      if (copies != null && copy != null) {
        copy.written();
      }
    }
  }

  /** The ranks that hold copies of this group, which is where its gradients are summed. */
  Communicator replicas(RankGroups groups) {
    return switch (replication) {
      case WORLD -> groups.stage();
      case DATA -> groups.dp();
      case EXPERT_DATA -> groups.edp();
      case PIPELINE_ENDS -> groups.pipeline().ends();
    };
  }

  /** Whether this rank speaks for its replicas: one rank does for every box. */
  boolean isOwner(RankGroups groups) {
    return replicas(groups).rank() == 0;
  }

  /** A view of {@code flat} in the shape of the slot's parameter. */
  Tensor box(Tensor flat, Slot slot) {
    return part(flat, slot).view(slot.parameter().value().sizes().vec().get());
  }

  /**
   * Frees moments and gradients. The parameters keep their values, which the flat tensor's memory
   * outlives through their views.
   */
  @Override
  public void close() {
    for (Slot slot : slots) {
      slot.parameter().clearGradient();
    }
    TensorScope.release(values);
    TensorScope.release(gradients);
    TensorScope.release(firstMoments);
    TensorScope.release(secondMoments);
    if (copies != null) {
      TensorScope.release(copies);
    }
  }
}
