package org.sparkmoe.data;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/** A token is a byte of UTF-8; token 256 is end-of-text. */
public final class ByteTokenizer implements Tokenizer {
  private static final int END_OF_TEXT = 256;

  @Override
  public int[] encode(String text) {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    int[] tokens = new int[bytes.length];
    for (int i = 0; i < bytes.length; i++) {
      tokens[i] = Byte.toUnsignedInt(bytes[i]);
    }
    return tokens;
  }

  @Override
  public String decode(int[] tokens) {
    byte[] bytes = new byte[tokens.length];
    int length = 0;
    for (int token : tokens) {
      if (token < 0 || token > END_OF_TEXT) {
        throw new IllegalArgumentException(
            "token %d is not in the vocabulary 0..%d".formatted(token, END_OF_TEXT));
      }
      if (token != END_OF_TEXT) {
        bytes[length++] = (byte) token;
      }
    }
    return new String(Arrays.copyOf(bytes, length), StandardCharsets.UTF_8);
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
    return "bytes and end-of-text, vocabulary 257";
  }
}
