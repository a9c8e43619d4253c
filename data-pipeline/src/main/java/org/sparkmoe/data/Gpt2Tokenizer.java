package org.sparkmoe.data;

import com.knuddels.jtokkit.Encodings;
import com.knuddels.jtokkit.api.Encoding;
import com.knuddels.jtokkit.api.EncodingType;
import com.knuddels.jtokkit.api.IntArrayList;

/** Byte-pair encoding with the vocabulary of GPT-2, which lies in the jar of jtokkit. */
public final class Gpt2Tokenizer implements Tokenizer {
  private static final int END_OF_TEXT = 50256;

  private final Encoding encoding =
      Encodings.newLazyEncodingRegistry().getEncoding(EncodingType.R50K_BASE);

  @Override
  public int[] encode(String text) {
    return encoding.encodeOrdinary(text).toArray();
  }

  @Override
  public String decode(int[] tokens) {
    IntArrayList list = new IntArrayList(tokens.length);
    for (int token : tokens) {
      if (token < 0 || token > END_OF_TEXT) {
        throw new IllegalArgumentException(
            "token %d is not in the vocabulary 0..%d".formatted(token, END_OF_TEXT));
      }
      if (token != END_OF_TEXT) {
        list.add(token);
      }
    }
    return encoding.decode(list);
  }

  @Override
  public int vocabSize() {
    return END_OF_TEXT + 1;
  }

  @Override
  public int endOfText() {
    return END_OF_TEXT;
  }

  @Override
  public String describe() {
    return "GPT-2 byte-pair encoding, vocabulary 50257";
  }
}
