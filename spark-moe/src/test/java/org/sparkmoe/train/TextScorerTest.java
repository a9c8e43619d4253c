package org.sparkmoe.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.nio.DoubleBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.Test;
import org.sparkmoe.conf.ConfigSource;
import org.sparkmoe.data.ByteTokenizer;
import org.sparkmoe.model.LanguageModel;
import org.sparkmoe.runtime.RunConfig;
import org.sparkmoe.tensor.ParameterInitializer;
import org.sparkmoe.tensor.Precision;
import org.sparkmoe.tensor.TensorScope;
import org.sparkmoe.topology.RankGroups;

class TextScorerTest {
  private static final int LENGTH = 16;
  private static final List<String> TEXTS =
      List.of("gate", "", "a text that is longer than one sequence of tokens is", "é");

  private final ByteTokenizer tokenizer = new ByteTokenizer();
  private final LanguageModel model = model(tokenizer.vocabSize());

  /** Keeps every token, as scoring demands. */
  private static LanguageModel model(int vocabSize) {
    RunConfig config =
        RunConfig.bind(
            ConfigSource.load(
                RunConfig.SECTIONS,
                Path.of("src", "test", "resources", "tiny.conf"),
                List.of("data.paths=unused", "moe.capacity-factor=*")));
    return LanguageModel.create(
        config.model(),
        config.moe(),
        vocabSize,
        RankGroups.single(),
        ParameterInitializer.cpu(1, Precision.F32));
  }

  @Test
  void scoresAreThoseOfOneTokenAfterTheOther() {
    List<TextScore> scores = new TextScorer(model, tokenizer, LENGTH, 3).score(TEXTS);
    for (int i = 0; i < TEXTS.size(); i++) {
      byte[] bytes = TEXTS.get(i).getBytes(StandardCharsets.UTF_8);
      assertThat(scores.get(i).tokens()).isEqualTo(bytes.length);
      assertThat(scores.get(i).logLikelihood()).isCloseTo(oneByOne(bytes), within(1e-3));
    }
  }

  @Test
  void nothingIsLeftInNativeMemory() {
    TextScorer scorer = new TextScorer(model, tokenizer, LENGTH, 3);
    scorer.score(TEXTS);
    long before = Pointer.totalCount();
    scorer.score(TEXTS);
    scorer.score(TEXTS);
    assertThat(Pointer.totalCount()).isLessThanOrEqualTo(before);
  }

  private double oneByOne(byte[] bytes) {
    double sum = 0;
    for (int i = 0; i < bytes.length; i++) {
      int start = i / LENGTH * LENGTH;
      long[] context = new long[i - start + 1];
      for (int j = 0; j < context.length; j++) {
        int before = start + j - 1;
        context[j] = before < 0 ? tokenizer.endOfText() : bytes[before] & 0xff;
      }
      sum += logProbability(context, bytes[i] & 0xff);
    }
    return sum;
  }

  private double logProbability(long[] context, int token) {
    double[] logits = new double[tokenizer.vocabSize()];
    try (TensorScope scope = TensorScope.open()) {
      Tensor ids = Tensor.create(context, 1, context.length).to(ScalarType.Long);
      Tensor last = model.logits(ids).select(1, context.length - 1).view(-1);
      last.to(ScalarType.Double).contiguous().<DoubleBuffer>createBuffer().get(logits);
    }
    double total = 0;
    for (double logit : logits) {
      total += Math.exp(logit);
    }
    return logits[token] - Math.log(total);
  }
}
