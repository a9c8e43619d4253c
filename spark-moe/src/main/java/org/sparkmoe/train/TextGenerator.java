package org.sparkmoe.train;

import java.util.Arrays;
import java.util.function.Consumer;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.sparkmoe.data.Tokenizer;
import org.sparkmoe.model.LanguageModel;
import org.sparkmoe.tensor.DeviceMemory;
import org.sparkmoe.tensor.HostReads;
import org.sparkmoe.tensor.TensorScope;

/**
 * Lets a model write. In a world of several ranks all call it together with the same arguments, and
 * all get the same text.
 */
public final class TextGenerator {
  private static final char INCOMPLETE = '\uFFFD';

  private final LanguageModel model;
  private final Tokenizer tokenizer;
  private final int contextLength;

  /**
   * @param contextLength most tokens that the model looks back on, at most what it was made for
   */
  public TextGenerator(LanguageModel model, Tokenizer tokenizer, int contextLength) {
    if (contextLength < 1) {
      throw new IllegalArgumentException(
          "context length is %d, must be at least 1".formatted(contextLength));
    }
    this.model = model;
    this.tokenizer = tokenizer;
    this.contextLength = contextLength;
  }

  /** What the model writes after {@code prompt}, without the prompt. */
  public String generate(String prompt, GenerationConfig config) {
    return generate(prompt, config, piece -> {});
  }

  /**
   * As {@link #generate(String, GenerationConfig)}, telling pieces as they come. A piece ends with
   * a whole character, also where a character takes several tokens. Ends early at end-of-text.
   *
   * @param pieces hears text that, put together, is the result
   */
  public String generate(String prompt, GenerationConfig config, Consumer<String> pieces) {
    TokenSampler sampler = new TokenSampler(config);
    int[] tokens = opening(prompt);
    int start = tokens.length;
    String told = "";
    for (int i = 0; i < config.maxTokens(); i++) {
      int next = sampler.draw(nextLogits(tokens));
      if (next == tokenizer.endOfText()) {
        break;
      }
      tokens = append(tokens, next);
      String text = complete(tokenizer.decode(Arrays.copyOfRange(tokens, start, tokens.length)));
      if (text.length() > told.length() && text.startsWith(told)) {
        pieces.accept(text.substring(told.length()));
        told = text;
      }
    }
    String text = tokenizer.decode(Arrays.copyOfRange(tokens, start, tokens.length));
    if (text.length() > told.length() && text.startsWith(told)) {
      pieces.accept(text.substring(told.length()));
    }
    return text;
  }

  /** Documents begin after an end-of-text, so the prompt does too. */
  private int[] opening(String prompt) {
    int[] text = tokenizer.encode(prompt);
    int[] tokens = new int[text.length + 1];
    tokens[0] = tokenizer.endOfText();
    System.arraycopy(text, 0, tokens, 1, text.length);
    return tokens;
  }

  private static int[] append(int[] tokens, int next) {
    int[] longer = Arrays.copyOf(tokens, tokens.length + 1);
    longer[tokens.length] = next;
    return longer;
  }

  private static String complete(String text) {
    int end = text.length();
    while (end > 0 && text.charAt(end - 1) == INCOMPLETE) {
      end--;
    }
    return text.substring(0, end);
  }

  private double[] nextLogits(int[] tokens) {
    int length = Math.min(contextLength, tokens.length);
    long[] context = new long[length];
    for (int i = 0; i < length; i++) {
      context[i] = tokens[tokens.length - length + i];
    }
    try (TensorScope scope = TensorScope.open()) {
      Tensor ids =
          DeviceMemory.copied(
              Tensor.create(context, 1, length),
              model.parameters().get(0).value().device(),
              ScalarType.Long);
      Tensor last = model.logits(ids).select(1, length - 1).view(-1);
      // Ids beyond the tokenizer's have no text, should the model have room for more.
      long known = Math.min(tokenizer.vocabSize(), last.numel());
      return HostReads.doubles(last.narrow(0, 0, known));
    }
  }
}
