package org.sparkmoe.model;

import java.util.Optional;
import org.sparkmoe.moe.GateProvider;
import org.sparkmoe.moe.Modules;
import org.sparkmoe.moe.MoeConfig;

/** Whether the gate keeps the promise of a causal decoder: no token sees a later one. */
final class CausalityCheck {
  private CausalityCheck() {}

  /** What to tell the user, if it does not. */
  static Optional<String> warning(MoeConfig moe) {
    GateProvider gate = Modules.find(GateProvider.class, "moe.gate", moe.gate());
    if (!gate.looksAtOtherTokens()) {
      return Optional.empty();
    }
    return Optional.of(
        ("moe.gate %s routes a token by what comes after it, and this model predicts what comes"
                + " after: its loss is too low, and it generates worse than its loss says")
            .formatted(gate.name()));
  }
}
