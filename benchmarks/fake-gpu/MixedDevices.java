package org.sparkmoe.fakegpu;

import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Tells which operators are given tensors of the host beside tensors of the GPU. A GPU refuses most
 * of them; here their kernels would read both.
 */
final class MixedDevices {
  private final boolean fatal;
  private final Set<String> reported = ConcurrentHashMap.newKeySet();

  MixedDevices(boolean fatal) {
    this.fatal = fatal;
  }

  /** An operator was given both. */
  void found(String operator) {
    if (maySpanDevices(operator)) {
      return;
    }
    String message = "%s is given tensors of the host and of the GPU".formatted(operator);
    String place =
        StackWalker.getInstance()
            .walk(
                frames ->
                    frames
                        .map(StackWalker.StackFrame::toStackTraceElement)
                        .filter(frame -> isProduct(frame.getClassName()))
                        .findFirst()
                        .map(frame -> message + ", at " + frame)
                        .orElse(message));
    if (reported.add(place)) {
      System.err.println("fake GPU: " + place);
    }
    if (fatal) {
      throw new IllegalStateException(place);
    }
  }

  /** Copies go between devices, and indices may lie on the host. */
  private static boolean maySpanDevices(String operator) {
    return operator.startsWith("aten::copy_")
        || operator.startsWith("aten::_to_copy")
        || operator.startsWith("aten::index")
        || operator.startsWith("aten::_index");
  }

  private static boolean isProduct(String name) {
    return name.startsWith("org.sparkmoe.") && !name.startsWith("org.sparkmoe.fakegpu.");
  }
}
