package org.sparkmoe.kernel;

import net.jqwik.api.Tag;
import org.bytedeco.pytorch.Device;

@Tag("cuda")
class CudaGroupedProductsTest extends GroupedProductsContract {
  @Override
  GroupedProducts products() {
    return GroupedProducts.together();
  }

  @Override
  Device device() {
    return new Device("cuda");
  }
}
