package org.sparkmoe.kernel;

class OneByOneProductsTest extends GroupedProductsContract {
  @Override
  GroupedProducts products() {
    return GroupedProducts.oneByOne();
  }
}
