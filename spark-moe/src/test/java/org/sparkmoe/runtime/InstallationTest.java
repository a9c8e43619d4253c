package org.sparkmoe.runtime;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import java.util.List;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;
import org.sparkmoe.runtime.Installation.Finding;
import org.sparkmoe.runtime.Installation.Need;
import org.sparkmoe.topology.ClusterConfig;

class InstallationTest {
  @Test
  void whatIsMissingComesWithAReasonAndARemedyAndTheCpuFindsAllItNeeds() {
    Installation installation = Installation.inspect();
    assertThat(installation.findings())
        .extracting(Finding::part)
        .contains("Java", "Spark", "libtorch", "NVIDIA driver", "CUDA 13", "NCCL 2");
    assertThat(installation.findings())
        .allSatisfy(
            finding -> {
              assertThat(finding.detail()).isNotBlank().isNotEqualTo("null");
              assertThat(finding.remedy().isEmpty()).isEqualTo(finding.present());
            });
    assertThat(installation.complete(false)).isTrue();
  }

  @Test
  void onGpusOfThisMachineRanksNeedWhatDoctorTellsAndAGpuEach() {
    Finding driver = new Finding("NVIDIA driver", Need.GPU, true, "libcuda.so.1", "");
    Finding slow = new Finding("CUDA kernels", Need.SPEED, false, "no nvcc", "build with nvcc");
    Finding gpu = new Finding("GPU 0", Need.GPU, true, "H100", "");
    Installation one = new Installation(List.of(driver, slow, gpu));
    assertThat(one.problemsOnGpus(1)).isEmpty();
    assertThat(one.problemsOnGpus(2))
        .containsExactly(
            "cluster.ranks is 2, must be at most the 1 GPUs of this machine, one for each rank");

    Finding none = new Finding("NVIDIA driver", Need.GPU, false, "no libcuda.so.1", "install it");
    assertThat(new Installation(List.of(none, slow)).problemsOnGpus(1))
        .containsExactly(
            "device.kind is cuda, must be cpu while this machine lacks what doctor --gpu tells:",
            "NVIDIA driver: no libcuda.so.1 -> install it");
  }

  @Test
  void ranksWhoseGpuCannotBeUsedAreNotStartedAgain() {
    ClusterConfig cluster =
        new ClusterConfig(
            1, 1, 1, 1, 1, 1, "auto", "auto", Duration.ofSeconds(1), Duration.ofSeconds(1));
    RankDevice device = new RankDevice(OptionalInt.of(4096));
    assertThatThrownBy(() -> device.join(0, cluster, List::of, "127.0.0.1"))
        .isInstanceOf(PreflightException.class)
        .hasNoCause()
        .hasMessageContaining("NCCL cannot connect the ranks: rank 0: ");
  }
}
