package org.sparkmoe.ml;

import org.apache.spark.ml.param.DoubleParam;
import org.apache.spark.ml.param.IntParam;
import org.apache.spark.ml.param.Param;

/**
 * Params of the model and its MoE layers. {@link ConfigKey} says which keys of the configuration
 * they stand for.
 *
 * @param <S> the stage, which setters return
 */
public interface ArchitectureParams<S> extends StageParams<S> {

  /** {@code gpt2} or {@code mixtral}. */
  default Param<String> architecture() {
    return table().ofString("architecture");
  }

  default String getArchitecture() {
    return valueOf(architecture());
  }

  default S setArchitecture(String value) {
    return with("architecture", value);
  }

  /** Number of blocks. */
  default IntParam layers() {
    return table().ofInt("layers");
  }

  default int getLayers() {
    return (int) valueOf(layers());
  }

  default S setLayers(int value) {
    return with("layers", value);
  }

  /** M, width of the residual stream. */
  default IntParam hiddenSize() {
    return table().ofInt("hiddenSize");
  }

  default int getHiddenSize() {
    return (int) valueOf(hiddenSize());
  }

  default S setHiddenSize(int value) {
    return with("hiddenSize", value);
  }

  /** Query heads of a block. */
  default IntParam heads() {
    return table().ofInt("heads");
  }

  default int getHeads() {
    return (int) valueOf(heads());
  }

  default S setHeads(int value) {
    return with("heads", value);
  }

  /** Key and value heads; 0: as many as heads. */
  default IntParam kvHeads() {
    return table().ofInt("kvHeads");
  }

  default int getKvHeads() {
    return (int) valueOf(kvHeads());
  }

  default S setKvHeads(int value) {
    return with("kvHeads", value);
  }

  /** Hidden size of the feed-forward in blocks that are not MoE layers. */
  default IntParam feedForwardSize() {
    return table().ofInt("feedForwardSize");
  }

  default int getFeedForwardSize() {
    return (int) valueOf(feedForwardSize());
  }

  default S setFeedForwardSize(int value) {
    return with("feedForwardSize", value);
  }

  /** Most tokens of a sequence. */
  default IntParam maxSequenceLength() {
    return table().ofInt("maxSequenceLength");
  }

  default int getMaxSequenceLength() {
    return (int) valueOf(maxSequenceLength());
  }

  default S setMaxSequenceLength(int value) {
    return with("maxSequenceLength", value);
  }

  /** Which blocks are MoE layers. */
  default Param<String> moeLayers() {
    return table().ofString("moeLayers");
  }

  default String getMoeLayers() {
    return valueOf(moeLayers());
  }

  default S setMoeLayers(String value) {
    return with("moeLayers", value);
  }

  /** E, experts of one layer. */
  default IntParam experts() {
    return table().ofInt("experts");
  }

  default int getExperts() {
    return (int) valueOf(experts());
  }

  default S setExperts(int value) {
    return with("experts", value);
  }

  /** k, experts that a token goes to. */
  default IntParam topK() {
    return table().ofInt("topK");
  }

  default int getTopK() {
    return (int) valueOf(topK());
  }

  default S setTopK(int value) {
    return with("topK", value);
  }

  /** f, a number or {@code *}. */
  default Param<String> capacityFactor() {
    return table().ofString("capacityFactor");
  }

  default String getCapacityFactor() {
    return valueOf(capacityFactor());
  }

  default S setCapacityFactor(String value) {
    return with("capacityFactor", value);
  }

  /** Name of the gate. */
  default Param<String> gate() {
    return table().ofString("gate");
  }

  default String getGate() {
    return valueOf(gate());
  }

  default S setGate(String value) {
    return with("gate", value);
  }

  /** Name of the expert. */
  default Param<String> expert() {
    return table().ofString("expert");
  }

  default String getExpert() {
    return valueOf(expert());
  }

  default S setExpert(String value) {
    return with("expert", value);
  }

  /** H, hidden size of one expert. */
  default IntParam expertHiddenSize() {
    return table().ofInt("expertHiddenSize");
  }

  default int getExpertHiddenSize() {
    return (int) valueOf(expertHiddenSize());
  }

  default S setExpertHiddenSize(int value) {
    return with("expertHiddenSize", value);
  }

  /** Coefficient of the gate's own balancing loss. */
  default DoubleParam auxLoss() {
    return table().ofDouble("auxLoss");
  }

  default double getAuxLoss() {
    return (double) valueOf(auxLoss());
  }

  default S setAuxLoss(double value) {
    return with("auxLoss", value);
  }
}
