package org.sparkmoe.data;

import java.io.Serializable;

/**
 * What the pipeline read, dropped and made.
 *
 * @param read documents read
 * @param empty documents dropped because they had no text: blank, binary or too large an entry
 * @param duplicates documents dropped because another one has the same normalised text
 * @param overLimit documents dropped because of {@code data.max-documents}
 * @param train what was made for training
 * @param validation what was made for validation
 * @param trigramBitsPerByte bits per byte on the validation texts of a byte trigram model fitted on
 *     the training texts; prompts are left out of both
 */
public record DataCounts(
    long read,
    long empty,
    long duplicates,
    long overLimit,
    Split train,
    Split validation,
    double trigramBitsPerByte)
    implements Serializable {

  /**
   * One side of the split.
   *
   * @param documents documents
   * @param bytes bytes of their normalised prompts and texts in UTF-8
   * @param tokens tokens, an end-of-text before each document included
   * @param sequences sequences of L + 1 tokens, each overlapping the next by one
   * @param promptBytes bytes among those that are of prompts
   * @param promptTokens tokens among those that are of prompts, whose prediction carries no loss
   */
  public record Split(
      long documents, long bytes, long tokens, long sequences, long promptBytes, long promptTokens)
      implements Serializable {

    /** Of documents without prompts. */
    public Split(long documents, long bytes, long tokens, long sequences) {
      this(documents, bytes, tokens, sequences, 0, 0);
    }

    /**
     * Bits per byte of text, prompts left out, of a model that spends {@code natsPerToken} on a
     * token that carries a loss.
     */
    public double bitsPerByte(double natsPerToken) {
      return natsPerToken / Math.log(2) * (tokens - promptTokens) / (bytes - promptBytes);
    }

    private String describe() {
      String all =
          "%,d documents, %,d bytes, %,d tokens, %,d sequences"
              .formatted(documents, bytes, tokens, sequences);
      return promptTokens == 0
          ? all
          : all + ", %,d tokens of prompts without loss".formatted(promptTokens);
    }
  }

  /** Documents used: training and validation. */
  public long documents() {
    return train.documents + validation.documents;
  }

  /** Nats a token at which a model has the bits per byte of the byte trigram model. */
  public double trigramNatsPerToken() {
    return trigramBitsPerByte / validation.bitsPerByte(1);
  }

  /** Lines for the terminal and the log. */
  public String describe() {
    return """
        documents: %,d read, %,d without text, %,d duplicates, %,d over the limit, %,d used
        training: %s
        validation: %s
        byte trigram with back-off: %.4f bits per byte on validation"""
        .formatted(
            read,
            empty,
            duplicates,
            overLimit,
            documents(),
            train.describe(),
            validation.describe(),
            trigramBitsPerByte);
  }
}
