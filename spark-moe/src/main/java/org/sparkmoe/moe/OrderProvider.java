package org.sparkmoe.moe;

/** Makes orders. */
public interface OrderProvider extends ModuleProvider {

  /** Makes the order of a layer with {@code experts} experts. */
  Order create(int experts);
}
