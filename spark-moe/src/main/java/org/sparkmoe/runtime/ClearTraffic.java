package org.sparkmoe.runtime;

import java.util.Optional;
import org.apache.spark.SparkConf;

/** What of a job's traffic is not protected although the user asked Spark to protect its own. */
final class ClearTraffic {
  private ClearTraffic() {}

  /**
   * A warning, if tensors leave a machine unprotected where Spark's messages do not.
   *
   * @param ranks of the job
   * @param local whether everything runs in one JVM
   */
  static Optional<String> warning(SparkConf conf, DeviceConfig device, int ranks, boolean local) {
    boolean wanted =
        conf.getBoolean("spark.network.crypto.enabled", false)
            || conf.getBoolean("spark.ssl.rpc.enabled", false)
            || conf.getBoolean("spark.authenticate.enableSaslEncryption", false);
    if (!wanted || local || ranks == 1) {
      return Optional.empty();
    }
    String transport = device.kind() == DeviceConfig.Kind.CUDA ? "NCCL" : "Gloo";
    return Optional.of(
        ("Spark's traffic is encrypted, but the tensors that ranks exchange by %s are neither"
                + " encrypted nor authenticated: let them use a network that is trusted"
                + " (cluster.bind-address, NCCL_SOCKET_IFNAME)")
            .formatted(transport));
  }
}
