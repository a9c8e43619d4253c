package org.sparkmoe.ml;

import org.apache.spark.ml.param.IntParam;
import org.apache.spark.ml.param.Param;

/**
 * Params of ranks, how they are grouped, and where they compute. {@link ConfigKey} says which keys
 * of the configuration they stand for.
 *
 * @param <S> the stage, which setters return
 */
public interface ClusterParams<S> extends StageParams<S> {

  /** P, number of ranks. */
  default IntParam ranks() {
    return table().ofInt("ranks");
  }

  default int getRanks() {
    return (int) valueOf(ranks());
  }

  default S setRanks(int value) {
    return with("ranks", value);
  }

  /** N_PP, pipeline stages. */
  default IntParam pp() {
    return table().ofInt("pp");
  }

  default int getPp() {
    return (int) valueOf(pp());
  }

  default S setPp(int value) {
    return with("pp", value);
  }

  /** N_MP, ranks that share attention and dense layers. */
  default IntParam mp() {
    return table().ofInt("mp");
  }

  default int getMp() {
    return (int) valueOf(mp());
  }

  default S setMp(int value) {
    return with("mp", value);
  }

  /** N_EP, ranks that share out the experts; unless it is set, all ranks. */
  default IntParam ep() {
    return table().ofInt("ep");
  }

  default int getEp() {
    return (int) valueOf(ep());
  }

  default S setEp(int value) {
    return with("ep", value);
  }

  /** N_ESP, ranks that share each expert. */
  default IntParam esp() {
    return table().ofInt("esp");
  }

  default int getEsp() {
    return (int) valueOf(esp());
  }

  default S setEsp(int value) {
    return with("esp", value);
  }

  /** {@code cpu} or {@code cuda}. */
  default Param<String> device() {
    return table().ofString("device");
  }

  default String getDevice() {
    return valueOf(device());
  }

  default S setDevice(String value) {
    return with("device", value);
  }

  /** How MoE layers run where experts are on several ranks. */
  default Param<String> policy() {
    return table().ofString("policy");
  }

  default String getPolicy() {
    return valueOf(policy());
  }

  default S setPolicy(String value) {
    return with("policy", value);
  }
}
