package org.sparkmoe.moe;

/** Makes orders. */
public interface OrderProvider extends ModuleProvider {

  /**
   * Makes the order of a buffer for {@code experts} experts. A layer that drops no token has one of
   * one expert, whose places are the rows of all.
   */
  Order create(int experts);
}
