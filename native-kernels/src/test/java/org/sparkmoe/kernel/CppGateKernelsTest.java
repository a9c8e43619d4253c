package org.sparkmoe.kernel;

import org.junit.jupiter.api.Assumptions;

class CppGateKernelsTest extends GateKernelsContract {
  @Override
  GateKernels kernels() {
    Assumptions.assumeTrue(GateKernels.nativeCpp().isPresent(), "built without a C++ compiler");
    return GateKernels.nativeCpp().orElseThrow();
  }
}
