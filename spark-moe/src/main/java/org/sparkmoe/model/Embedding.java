package org.sparkmoe.model;

import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.jspecify.annotations.Nullable;
import org.sparkmoe.tensor.Parameter;
import org.sparkmoe.tensor.Precision;
import org.sparkmoe.tensor.SegmentTape;

/** Token ids to the residual stream: token embedding, in GPT-2 plus that of the position. */
final class Embedding {
  static final String TOKEN = "embedding.token.weight";
  static final String POSITION = "embedding.position.weight";

  private final Precision precision;
  private final Parameter token;
  private final @Nullable Parameter position;

  /**
   * @param token {@code [V, M]}
   */
  Embedding(ModelConfig config, Weights weights, Parameter token, Precision precision) {
    long m = config.hiddenSize();
    this.precision = precision;
    this.token = token;
    position =
        config.architecture() == Architecture.GPT2
            ? weights.matrix(POSITION, config.initStd(), config.maxSequenceLength(), m)
            : null;
  }

  /**
   * @param tokensS {@code [S]} i64
   * @param positionsS {@code [S]} i64, within the sequence
   * @return {@code [S, M]} of the compute type
   */
  Tensor apply(SegmentTape tape, Tensor tokensS, Tensor positionsS) {
    return tape.compute(
            new Tensor[] {tokensS, positionsS}, ids -> new Tensor[] {embed(ids[0], ids[1])})[0];
  }

  private Tensor embed(Tensor tokensS, Tensor positionsS) {
    Tensor embedded = torch.embedding(token.value(), tokensS);
    if (position != null) {
      embedded = embedded.add(torch.embedding(position.value(), positionsS));
    }
    return embedded.to(precision.computeType());
  }
}
