package org.sparkmoe.train;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.bytedeco.pytorch.Device;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.sparkmoe.data.Tokenizer;
import org.sparkmoe.model.LanguageModel;
import org.sparkmoe.tensor.DeviceMemory;
import org.sparkmoe.tensor.HostReads;
import org.sparkmoe.tensor.TensorScope;

/**
 * Scores texts with a model that one rank holds whole.
 *
 * <p>A text follows an end-of-text token and its prompt, as in training, and one longer than a
 * sequence is cut into sequences that overlap by one token. Sequences of several texts pass through
 * the model together, filled up at their end, which causal attention and a gate that looks at one
 * token at a time keep from the scores.
 */
public final class TextScorer {
  private static final long LOGIT_BYTES = 128L << 20;

  private final LanguageModel model;
  private final Tokenizer tokenizer;
  private final int sequenceLength;
  private final int mostRows;
  private final Device device;

  /**
   * A sequence of the text number {@code text}: {@code tokens} has the first context and more, of
   * which the first {@code unscored} are of the prompt.
   */
  private record Window(int text, int[] tokens, int unscored) {
    int predicted() {
      return tokens.length - 1;
    }
  }

  /**
   * @param sequenceLength L, most tokens predicted in a sequence
   * @param batch most sequences that pass through the model at once; fewer where their logits would
   *     take more than 128 MiB
   */
  public TextScorer(LanguageModel model, Tokenizer tokenizer, int sequenceLength, int batch) {
    if (batch < 1) {
      throw new IllegalArgumentException("batch is %d, must be at least 1".formatted(batch));
    }
    this.model = model;
    this.tokenizer = tokenizer;
    this.sequenceLength = sequenceLength;
    this.device = model.parameters().get(0).value().device();
    long bytes = (long) sequenceLength * tokenizer.vocabSize() * Float.BYTES;
    this.mostRows = (int) Math.max(1, Math.min(batch, LOGIT_BYTES / bytes));
  }

  /** The score of each text, in order. */
  public List<TextScore> score(List<PromptedText> texts) {
    List<Window> windows = new ArrayList<>();
    long[] tokens = new long[texts.size()];
    for (int i = 0; i < tokens.length; i++) {
      int[] text = tokenizer.encode(texts.get(i).text());
      String prompt = texts.get(i).prompt();
      tokens[i] = text.length;
      cut(i, prompt.isEmpty() ? new int[0] : tokenizer.encode(prompt), text, windows);
    }
    double[] sums = new double[tokens.length];
    for (int from = 0; from < windows.size(); from += mostRows) {
      add(windows.subList(from, Math.min(windows.size(), from + mostRows)), sums);
    }
    List<TextScore> scores = new ArrayList<>();
    for (int i = 0; i < tokens.length; i++) {
      scores.add(new TextScore(sums[i], tokens[i]));
    }
    return scores;
  }

  private void cut(int number, int[] prompt, int[] text, List<Window> windows) {
    int length = prompt.length + text.length;
    int[] stream = new int[length + 1];
    stream[0] = tokenizer.endOfText();
    System.arraycopy(prompt, 0, stream, 1, prompt.length);
    System.arraycopy(text, 0, stream, 1 + prompt.length, text.length);
    for (int from = 0; from < length; from += sequenceLength) {
      int end = Math.min(length, from + sequenceLength);
      if (end > prompt.length) {
        int unscored = Math.max(0, prompt.length - from);
        windows.add(new Window(number, Arrays.copyOfRange(stream, from, end + 1), unscored));
      }
    }
  }

  private void add(List<Window> batch, double[] sums) {
    int length = batch.stream().mapToInt(Window::predicted).max().orElseThrow();
    long[] flat = new long[batch.size() * length];
    for (int row = 0; row < batch.size(); row++) {
      for (int i = 0; i < batch.get(row).predicted(); i++) {
        flat[row * length + i] = batch.get(row).tokens()[i];
      }
    }
    try (TensorScope scope = TensorScope.open()) {
      Tensor tokensBL =
          DeviceMemory.copied(Tensor.create(flat, batch.size(), length), device, ScalarType.Long);
      Tensor logitsBLV = model.logits(tokensBL);
      for (int row = 0; row < batch.size(); row++) {
        Window window = batch.get(row);
        sums[window.text()] += logLikelihood(logitsBLV.select(0, row), window);
      }
    }
  }

  /** Of the tokens after the prompt, whose logits are the rows before them. */
  private double logLikelihood(Tensor logitsLV, Window window) {
    int first = window.unscored();
    int scored = window.predicted() - first;
    int[] tokens = window.tokens();
    long[] targets = Arrays.stream(tokens, first + 1, tokens.length).asLongStream().toArray();
    Tensor targetsL1 =
        DeviceMemory.copied(Tensor.create(targets, scored, 1), device, ScalarType.Long);
    Tensor logits = logitsLV.narrow(0, first, scored);
    Tensor chosen = logits.gather(1, targetsL1).squeeze(1);
    Tensor scores = chosen.sub(torch.logsumexp(logits, 1));
    return HostReads.doubles(scores.to(ScalarType.Double).sum())[0];
  }
}
