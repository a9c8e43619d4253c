package org.sparkmoe.runtime;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.sparkmoe.runtime.Installation.Finding;

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
}
