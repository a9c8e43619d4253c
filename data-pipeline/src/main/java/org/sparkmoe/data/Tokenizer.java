package org.sparkmoe.data;

/** Text to tokens and back. Not shared between threads; {@link TokenizerSpec#open} makes one. */
public interface Tokenizer extends AutoCloseable {

  /** The tokens of {@code text}; no special tokens are added or recognised. */
  int[] encode(String text);

  /** The text of {@code tokens}; end-of-text tokens give nothing. */
  String decode(int[] tokens);

  /** One above the largest token. */
  int vocabSize();

  /** The token that stands between documents. */
  int endOfText();

  /** One line for logs. */
  String describe();

  @Override
  default void close() {}
}
