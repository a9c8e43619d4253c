package org.sparkmoe.model;

import java.io.Serializable;
import java.util.ArrayList;
import java.util.List;
import org.sparkmoe.topology.Topology;

/**
 * The settings {@code model.*}. The experts of the MoE layers are described by {@code moe.*}, types
 * by {@code train.precision}.
 *
 * @param architecture family of the model
 * @param layers number of blocks
 * @param hiddenSize M, width of the residual stream
 * @param heads query heads of a block
 * @param kvHeads key and value heads of a block; 0: as many as {@code heads}
 * @param headDim width of one head; 0: {@code hiddenSize / heads}
 * @param feedForwardSize hidden size of the feed-forward in blocks that are not MoE layers
 * @param maxSequenceLength most tokens of a sequence; learned positions of {@code gpt2}
 * @param ropeTheta base of the rotary wavelengths of {@code mixtral}
 * @param normEpsilon added to the variance in norms
 * @param tieEmbeddings whether the output head is the token embedding
 * @param initStd standard deviation of first weights
 * @param moeLayers {@code all}, {@code none}, {@code every-N} or indices from 0: {@code 1,3,5}
 * @param pipelineSplit blocks of each pipeline stage: {@code balanced} or numbers: {@code 3,2}
 */
public record ModelConfig(
    Architecture architecture,
    int layers,
    int hiddenSize,
    int heads,
    int kvHeads,
    int headDim,
    int feedForwardSize,
    int maxSequenceLength,
    double ropeTheta,
    double normEpsilon,
    boolean tieEmbeddings,
    double initStd,
    String moeLayers,
    String pipelineSplit)
    implements Serializable {

  /**
   * @throws IllegalArgumentException with one line for each invalid value
   */
  public ModelConfig {
    Problems problems = new Problems();
    problems.check(layers >= 1, "layers", layers, "at least 1");
    problems.check(hiddenSize >= 1, "hidden-size", hiddenSize, "at least 1");
    problems.check(heads >= 1, "heads", heads, "at least 1");
    problems.check(headDim >= 0, "head-dim", headDim, "at least 0 (0: hidden-size / heads)");
    problems.check(
        kvHeads >= 0 && (kvHeads == 0 || heads % kvHeads == 0),
        "kv-heads",
        kvHeads,
        "a divisor of model.heads = " + heads + " (0: as many)");
    problems.check(
        heads < 1 || headDim != 0 || hiddenSize % heads == 0,
        "hidden-size",
        hiddenSize,
        "a multiple of model.heads = " + heads + ", or set model.head-dim");
    problems.check(feedForwardSize >= 1, "feed-forward-size", feedForwardSize, "at least 1");
    problems.check(maxSequenceLength >= 1, "max-sequence-length", maxSequenceLength, "at least 1");
    problems.check(positive(ropeTheta), "rope-theta", ropeTheta, "above 0");
    problems.check(positive(normEpsilon), "norm-epsilon", normEpsilon, "above 0");
    problems.check(positive(initStd), "init-std", initStd, "above 0");
    problems.check(
        MoeLayerPattern.isValid(moeLayers, layers),
        "moe-layers",
        moeLayers,
        MoeLayerPattern.rule(layers));
    problems.check(
        PipelineSplit.isValid(pipelineSplit, layers),
        "pipeline-split",
        pipelineSplit,
        PipelineSplit.rule(layers));
    if (architecture == Architecture.GPT2) {
      problems.check(
          kvHeads == 0 || kvHeads == heads,
          "kv-heads",
          kvHeads,
          "0 or model.heads = " + heads + " for gpt2");
    } else if (heads >= 1 && hiddenSize % heads == 0) {
      int width = headDim == 0 ? hiddenSize / heads : headDim;
      problems.check(
          width % 2 == 0, "head-dim", headDim, "even for mixtral's rotary positions, not " + width);
    }
    problems.throwIfAny();
  }

  /** Width of one head, elements. */
  public int headWidth() {
    return headDim == 0 ? hiddenSize / heads : headDim;
  }

  /** Key and value heads of a block. */
  public int keyValueHeads() {
    return kvHeads == 0 ? heads : kvHeads;
  }

  /**
   * Whether a block's feed-forward is an MoE layer.
   *
   * @param layer from 0
   */
  public boolean isMoe(int layer) {
    return MoeLayerPattern.matches(moeLayers, layer);
  }

  /**
   * Number of blocks of each pipeline stage.
   *
   * @param stages N_PP, which the split is for
   */
  public List<Integer> blocksOfStages(int stages) {
    return PipelineSplit.blocks(pipelineSplit, layers, stages);
  }

  /** Number of MoE layers. */
  public int moeLayerCount() {
    return moeLayersBefore(layers);
  }

  /** Number of MoE layers among the first {@code end} blocks. */
  public int moeLayersBefore(int end) {
    int count = 0;
    for (int layer = 0; layer < end; layer++) {
      count += isMoe(layer) ? 1 : 0;
    }
    return count;
  }

  /** Standard deviation of first weights of projections onto the residual stream (GPT-2). */
  double residualInitStd() {
    return initStd / Math.sqrt(2.0 * layers);
  }

  /** Why the model cannot be shared out over {@code topology}; empty if it can. */
  public List<String> layoutProblems(Topology topology) {
    int mp = topology.nMp();
    List<String> problems =
        new ArrayList<>(PipelineSplit.problems(pipelineSplit, layers, topology.nPp()));
    multipleOfMp(problems, "model.heads", heads, mp);
    if (keyValueHeads() % mp != 0 && mp % keyValueHeads() != 0) {
      problems.add(
          "model.kv-heads is \"%d\", must be a multiple or a divisor of cluster.mp = %d"
              .formatted(keyValueHeads(), mp));
    }
    if (moeLayerCount() < layers) {
      multipleOfMp(problems, "model.feed-forward-size", feedForwardSize, mp);
    }
    return problems;
  }

  /**
   * Why batches of this shape cannot go through the model; empty if they can.
   *
   * @param microBatch B, sequences
   * @param sequenceLength L, tokens
   */
  public List<String> batchProblems(Topology topology, int microBatch, int sequenceLength) {
    int mp = topology.nMp();
    List<String> problems = new ArrayList<>();
    multipleOfMp(
        problems,
        "train.micro-batch × data.sequence-length",
        (long) microBatch * sequenceLength,
        mp);
    if (sequenceLength > maxSequenceLength) {
      problems.add(
          "data.sequence-length is \"%d\", must be at most model.max-sequence-length = %d"
              .formatted(sequenceLength, maxSequenceLength));
    }
    return problems;
  }

  private static void multipleOfMp(List<String> problems, String key, long value, int mp) {
    if (value % mp != 0) {
      problems.add("%s is \"%d\", must be a multiple of cluster.mp = %d".formatted(key, value, mp));
    }
  }

  private static boolean positive(double value) {
    return value > 0 && Double.isFinite(value);
  }

  private static final class Problems {
    private final List<String> lines = new ArrayList<>();

    void check(boolean valid, String key, Object value, String rule) {
      if (!valid) {
        lines.add("model.%s is \"%s\", must be %s".formatted(key, value, rule));
      }
    }

    void throwIfAny() {
      if (!lines.isEmpty()) {
        throw new IllegalArgumentException(String.join("\n", lines));
      }
    }
  }
}
