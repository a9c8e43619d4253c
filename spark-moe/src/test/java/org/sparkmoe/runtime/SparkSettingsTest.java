package org.sparkmoe.runtime;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Map;
import org.junit.jupiter.api.Test;

class SparkSettingsTest {
  private static final String OPTIONS = "executor.extraJavaOptions";

  @Test
  void executorsMayHoldMoreTensorsThanJavaCppAllowsBesideASmallHeap() {
    assertThat(options(Map.of())).isEqualTo("-Dorg.bytedeco.javacpp.maxPhysicalBytes=0");
  }

  @Test
  void optionsOfTheUserStay() {
    assertThat(options(Map.of(OPTIONS, "-XX:+UseParallelGC")))
        .isEqualTo("-XX:+UseParallelGC -Dorg.bytedeco.javacpp.maxPhysicalBytes=0");
    String own = "-Dorg.bytedeco.javacpp.maxPhysicalBytes=8g";
    assertThat(options(Map.of(OPTIONS, own))).isEqualTo(own);
  }

  private static String options(Map<String, String> properties) {
    return SparkSettings.of(properties).get("spark." + OPTIONS);
  }
}
