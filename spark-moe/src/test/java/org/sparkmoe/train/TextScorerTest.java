package org.sparkmoe.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.nio.DoubleBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.Test;
import org.sparkmoe.conf.ConfigSource;
import org.sparkmoe.data.ByteTokenizer;
import org.sparkmoe.model.LanguageModel;
import org.sparkmoe.runtime.RunConfig;
import org.sparkmoe.tensor.NativeGarbage;
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
    List<TextScore> scores = new TextScorer(model, tokenizer, LENGTH, 3).score(plain(TEXTS));
    for (int i = 0; i < TEXTS.size(); i++) {
      byte[] bytes = TEXTS.get(i).getBytes(StandardCharsets.UTF_8);
      assertThat(scores.get(i).tokens()).isEqualTo(bytes.length);
      assertThat(scores.get(i).logLikelihood()).isCloseTo(oneByOne(bytes), within(1e-3));
    }
  }

  @Test
  void aPromptIsContextAndNotScored() {
    List<PromptedText> prompted =
        List.of(
            new PromptedText("ask ", "gate"),
            new PromptedText("a prompt that is longer than a sequence ", "é and more of it"),
            new PromptedText("x", ""));
    List<TextScore> scores = new TextScorer(model, tokenizer, LENGTH, 2).score(prompted);
    for (int i = 0; i < prompted.size(); i++) {
      byte[] prompt = prompted.get(i).prompt().getBytes(StandardCharsets.UTF_8);
      byte[] text = prompted.get(i).text().getBytes(StandardCharsets.UTF_8);
      byte[] all = Arrays.copyOf(prompt, prompt.length + text.length);
      System.arraycopy(text, 0, all, prompt.length, text.length);
      assertThat(scores.get(i).tokens()).isEqualTo(text.length);
      assertThat(scores.get(i).logLikelihood())
          .isCloseTo(oneByOne(all) - oneByOne(prompt), within(1e-3));
    }
  }

  private static List<PromptedText> plain(List<String> texts) {
    return texts.stream().map(text -> new PromptedText("", text)).toList();
  }

  @Test
  void nothingIsLeftInNativeMemory() {
    TextScorer scorer = new TextScorer(model, tokenizer, LENGTH, 3);
    scorer.score(plain(TEXTS));
    NativeGarbage.awaitGone();
    long before = Pointer.totalCount();
    scorer.score(plain(TEXTS));
    scorer.score(plain(TEXTS));
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
