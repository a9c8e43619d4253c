package org.sparkmoe.schedule.cost;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.nio.file.Path;
import org.junit.jupiter.api.Test;

class TestbedTest {
  private static final Testbed A = Testbed.read(Path.of("../conf/testbeds/a.conf"));
  private static final Testbed B = Testbed.read(Path.of("../conf/testbeds/b.conf"));
  private static final LayerShape SHAPE =
      new LayerShape(4, 8, 1024, 2048, 8192, 1.2, ExpertType.MIXTRAL);

  @Test
  void workloadsFollowThePublishedFormulas() {
    LayerWorkload work = A.workload(SHAPE);
    assertThat(work.allToAll()).isEqualTo(1.2 * 4 * 1024 * 2048 / 8);
    assertThat(work.intraNode()).isEqualTo(1.2 * 4 * 1024 * 2048);
    assertThat(work.expert()).isEqualTo(2 * 1.2 * 4 * 1024 * 2048.0 * 8192 / 8);
    assertThat(work.attention())
        .isEqualTo(
            3 * 4 * 1024.0 * 2048 * 2048 / 4
                + 2 * 4 * 1024.0 * 1024 * 2048 / 4
                + 4 * 1024.0 * 2048 * 2048 / 4);
    assertThat(work.gradient()).isEqualTo((4 * 2048.0 * 2048 + 3 * 2048) / 8 + 2048);
  }

  @Test
  void testbedBCountsBytesAndGemms() {
    CostModels models = B.models(SHAPE);
    assertThat(models.allToAll().beta()).isCloseTo(4 * 3.06e-7, within(1e-18));
    assertThat(models.expert().alpha()).isCloseTo(3 * 0.0924, within(1e-12));
    double oneGemm = 1.2 * 4 * 1024 * 2048.0 * 8192 / 4;
    assertThat(models.expert().time(B.workload(SHAPE).expert()))
        .isCloseTo(3 * (0.0924 + 4.42e-11 * oneGemm), within(1e-9));
  }

  @Test
  void anUnmeasuredSequenceLengthIsRefused() {
    assertThatThrownBy(() -> A.models(new LayerShape(1, 8, 4096, 1024, 2048, 1, ExpertType.SIMPLE)))
        .hasMessageContaining("4096")
        .hasMessageContaining("[256, 512, 1024, 2048]");
  }
}
