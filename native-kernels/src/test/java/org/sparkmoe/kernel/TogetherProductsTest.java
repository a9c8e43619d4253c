package org.sparkmoe.kernel;

class TogetherProductsTest extends GroupedProductsContract {
  @Override
  GroupedProducts products() {
    return GroupedProducts.together();
  }
}
