package org.sparkmoe.tensor;

import static org.assertj.core.api.Assertions.assertThat;

import org.bytedeco.pytorch.Device;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.Test;

class DeviceMemoryTest {
  private static final Device CPU = new Device("cpu");

  @Test
  void constantsHaveTheShapeAndDtypeThatWereAskedFor() {
    Tensor scalar = DeviceMemory.zeros(CPU, ScalarType.Double);
    assertThat(scalar.dim()).isZero();
    assertThat(HostReads.doubles(scalar)).containsExactly(0);
    Tensor filled = DeviceMemory.filled(0.1, CPU, ScalarType.Float, 2, 1);
    assertThat(filled.sizes().vec().get()).containsExactly(2, 1);
    assertThat(HostReads.doubles(filled)).containsExactly(0.1f, 0.1f);
    assertThat(DeviceMemory.empty(CPU, ScalarType.Long, 0, 3).scalar_type().intern())
        .isEqualTo(ScalarType.Long);
  }

  @Test
  void valuesAreCastOnTheirWay() {
    Tensor whole = DeviceMemory.copied(Tensor.create(1.75, -2.5), CPU, ScalarType.Long);
    assertThat(HostReads.longs(whole)).containsExactly(1, -2);
  }

  @Test
  void readsAreInTheOrderOfRowsAndCounted() {
    Tensor columns = Tensor.create(new long[] {1, 2, 3, 4, 5, 6}, 2, 3).t();
    long before = HostReads.count();
    assertThat(HostReads.longs(columns)).containsExactly(1, 4, 2, 5, 3, 6);
    assertThat(HostReads.doubles(columns)).containsExactly(1, 4, 2, 5, 3, 6);
    assertThat(HostReads.count() - before).isEqualTo(2);
  }
}
