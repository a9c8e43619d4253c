package org.sparkmoe.interchange;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.bytedeco.pytorch.Tensor;
import org.sparkmoe.tensor.TensorScope;
import org.sparkmoe.train.SafetensorsHeader.Entry;
import org.sparkmoe.train.StoredType;

/** Whether a directory has the tensors of its configuration: each, no others, shapes and types. */
record TensorCheckup(ModelType type, List<Correspondence> tensors, HuggingFaceWeights weights) {
  private static final Set<StoredType> READ =
      EnumSet.of(StoredType.F32, StoredType.BF16, StoredType.F16);

  /** A line for each tensor that is not right; empty if all are. */
  List<String> problems() throws IOException {
    List<String> problems = new ArrayList<>();
    Set<String> known = new HashSet<>();
    for (Correspondence tensor : tensors) {
      known.addAll(tensor.theirs());
      for (String name : tensor.theirs()) {
        check(tensor, name, problems);
      }
    }
    for (String name : weights.names()) {
      Entry entry = weights.entry(name);
      if (!known.contains(name) && entry != null && !type.isDerived(name) && !isTiedHead(name)) {
        problems.add(
            "tensor %s of shape %s has no place in a %s model of this configuration"
                .formatted(name, Arrays.toString(entry.shape()), type.name()));
      }
    }
    return problems;
  }

  private void check(Correspondence tensor, String name, List<String> problems) {
    Entry entry = weights.entry(name);
    if (entry == null) {
      problems.add(
          "tensor %s is missing, must be there with shape %s"
              .formatted(name, Arrays.toString(tensor.theirShape())));
      return;
    }
    if (!Arrays.equals(entry.shape(), tensor.theirShape())) {
      problems.add(
          "tensor %s has shape %s, must have %s (here %s of shape %s)"
              .formatted(
                  name,
                  Arrays.toString(entry.shape()),
                  Arrays.toString(tensor.theirShape()),
                  tensor.ours(),
                  Arrays.toString(tensor.shape())));
    }
    if (!READ.contains(entry.type())) {
      problems.add("tensor %s has type %s, must be one of %s".formatted(name, entry.type(), READ));
    }
    Entry first = weights.entry(tensor.theirs().get(0));
    if (first != null && first.type() != entry.type()) {
      problems.add(
          "tensor %s has type %s, must have %s as %s"
              .formatted(name, entry.type(), first.type(), tensor.theirs().get(0)));
    }
  }

  /** Some files have a tied head once more. */
  private boolean isTiedHead(String name) throws IOException {
    String embedding = tensors.get(0).theirs().get(0);
    if (!name.equals(MixtralType.HEAD) || weights.entry(embedding) == null) {
      return false;
    }
    try (TensorScope scope = TensorScope.open()) {
      Tensor head = weights.read(name);
      Tensor tied = weights.read(embedding);
      return head.scalar_type().intern() == tied.scalar_type().intern() && head.equal(tied);
    }
  }
}
