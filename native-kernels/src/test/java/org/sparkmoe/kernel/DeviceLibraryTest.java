package org.sparkmoe.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.util.Optional;
import org.junit.jupiter.api.Test;

class DeviceLibraryTest {
  @Test
  void theCudaLibraryLoadsWithoutAGpuAndSaysWhyItHasNoDevice() {
    Optional<DeviceLibrary> library = DeviceLibrary.bundled();
    assumeTrue(library.isPresent(), "the build had no nvcc");
    assertThat(library.get().flavour()).isEqualTo("cuda");
    if (library.get().devices() == 0) {
      assertThat(library.get().deviceProblem())
          .hasValueSatisfying(why -> assertThat(why).isNotBlank());
    } else {
      assertThat(library.get().deviceProblem()).isEmpty();
    }
  }

  @Test
  void anErrorCodeBecomesAnExceptionThatNamesTheKernel() {
    assertThatThrownBy(() -> EmulatedDevice.library().check("order", 1))
        .isInstanceOf(IllegalStateException.class)
        .hasMessage("device kernel order failed with CUDA error 1: invalid argument");
  }
}
