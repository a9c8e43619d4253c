package org.sparkmoe.runtime;

import static org.assertj.core.api.Assertions.assertThat;

import org.apache.spark.SparkConf;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ClearTrafficTest {

  @ParameterizedTest
  @ValueSource(
      strings = {
        "spark.network.crypto.enabled",
        "spark.ssl.rpc.enabled",
        "spark.authenticate.enableSaslEncryption"
      })
  void whoEncryptsSparkIsToldOfGloo(String setting) {
    SparkConf conf = new SparkConf(false).set(setting, "true");

    assertThat(ClearTraffic.warning(conf, DeviceConfig.cpu(), 2, false))
        .get()
        .asString()
        .contains("by Gloo are neither encrypted nor authenticated");
    assertThat(ClearTraffic.warning(conf, new DeviceConfig(DeviceConfig.Kind.CUDA, 0, 0), 2, false))
        .get()
        .asString()
        .contains("by NCCL are neither");
  }

  @Test
  void whatStaysInOneProcessNeedsNoWarning() {
    SparkConf conf = new SparkConf(false).set("spark.network.crypto.enabled", "true");

    assertThat(ClearTraffic.warning(conf, DeviceConfig.cpu(), 2, true)).isEmpty();
    assertThat(ClearTraffic.warning(conf, DeviceConfig.cpu(), 1, false)).isEmpty();
    assertThat(ClearTraffic.warning(new SparkConf(false), DeviceConfig.cpu(), 2, false)).isEmpty();
  }
}
