package org.sparkmoe.moe;

/** Makes gates. */
public interface GateProvider extends ModuleProvider {

  /** Whether a token's route depends on later tokens: such a gate warns in a causal decoder. */
  default boolean looksAtOtherTokens() {
    return false;
  }

  /**
   * Makes the gate of one layer.
   *
   * @throws IllegalArgumentException with every problem of the options, one a line, full keys
   */
  Gate create(ModuleContext context);
}
