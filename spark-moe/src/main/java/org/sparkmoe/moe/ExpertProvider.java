package org.sparkmoe.moe;

/** Makes experts. */
public interface ExpertProvider extends ModuleProvider {

  /**
   * Makes the experts of one rank.
   *
   * @throws IllegalArgumentException with every problem of sizes and options, one a line
   */
  Expert create(ExpertContext context);
}
