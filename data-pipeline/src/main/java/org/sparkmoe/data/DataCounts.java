package org.sparkmoe.data;

import java.io.Serializable;
import java.util.List;
import java.util.Locale;
import java.util.Objects;

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
 * @param sources of which source how much of this is, in the order in which their sequences are
 *     numbered through; empty unless there are {@code data.sources}
 */
public record DataCounts(
    long read,
    long empty,
    long duplicates,
    long overLimit,
    Split train,
    Split validation,
    double trigramBitsPerByte,
    List<Source> sources)
    implements Serializable {

  /** Data prepared before there could be several sources say nothing of them. */
  public DataCounts {
    sources = List.copyOf(Objects.requireNonNullElse(sources, List.of()));
  }

  /**
   * The part of one of several sources.
   *
   * @param weight its share of the sequences that training sees, in any unit
   * @param read documents read
   * @param train what was made for training
   * @param validation what was made for validation
   */
  public record Source(String name, double weight, long read, Split train, Split validation)
      implements Serializable {

    private String describe(double weights) {
      return String.format(
          Locale.ROOT,
          "source %s: %.1f %% of training; %,d documents read, for training %s, for validation %,d"
              + " sequences",
          name,
          100 * weight / weights,
          read,
          train.describe(),
          validation.sequences);
    }
  }

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

    Split plus(Split other) {
      return new Split(
          documents + other.documents,
          bytes + other.bytes,
          tokens + other.tokens,
          sequences + other.sequences,
          promptBytes + other.promptBytes,
          promptTokens + other.promptTokens);
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
    double weights = sources.stream().mapToDouble(Source::weight).sum();
    String all =
        """
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
    StringBuilder lines = new StringBuilder(all);
    sources.forEach(source -> lines.append('\n').append(source.describe(weights)));
    return lines.toString();
  }
}
