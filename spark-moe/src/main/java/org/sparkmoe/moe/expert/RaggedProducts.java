package org.sparkmoe.moe.expert;

import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.bytedeco.pytorch.Device;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.sparkmoe.kernel.GroupedProducts;
import org.sparkmoe.moe.ExpertContext;

/** How experts with unequal numbers of rows take their products. */
final class RaggedProducts {
  private static final String OPTION = "products";
  private static final String AUTO = "auto";
  private static final String GROUPED = "grouped";
  private static final String ONE_BY_ONE = "one-by-one";

  /** Of every expert of this package. */
  static final Map<String, String> OPTIONS =
      Stream.of(
              InitialDeviation.OPTIONS,
              Map.of(
                  OPTION,
                  "of experts that drop no token: grouped (all in one kernel), one-by-one, or auto:"
                      + " grouped in bf16 on a GPU (auto)"))
          .flatMap(options -> options.entrySet().stream())
          .collect(Collectors.toUnmodifiableMap(Map.Entry::getKey, Map.Entry::getValue));

  private RaggedProducts() {}

  /** Those to take for all experts at once; empty if experts compute one by one. */
  static Optional<GroupedProducts> of(ExpertContext context) {
    ScalarType type = context.initializer().precision().computeType();
    Device device = context.initializer().device();
    boolean grouped =
        switch (context.word(OPTION, AUTO, GROUPED, ONE_BY_ONE)) {
          case GROUPED -> true;
          case ONE_BY_ONE -> false;
          default -> device.is_cuda() && type == ScalarType.BFloat16;
        };
    long hidden = context.hiddenSize() / context.espSize();
    return grouped
        ? Optional.of(GroupedProducts.best(device, type, context.modelWidth(), hidden))
        : Optional.empty();
  }
}
