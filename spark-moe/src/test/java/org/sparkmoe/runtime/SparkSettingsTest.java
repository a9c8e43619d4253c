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

  @Test
  void executorsKeepTheMemoryOfTensorsUnlessTheUserSaysOtherwise() {
    String mappings = "executorEnv.MALLOC_MMAP_MAX_";
    assertThat(SparkSettings.of(Map.of()).get("spark." + mappings)).isEqualTo("0");
    assertThat(SparkSettings.of(Map.of(mappings, "65536")).get("spark." + mappings))
        .isEqualTo("65536");
  }

  private static String options(Map<String, String> properties) {
    return SparkSettings.of(properties).get("spark." + OPTIONS);
  }
}
