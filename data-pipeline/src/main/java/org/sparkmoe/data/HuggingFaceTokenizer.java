package org.sparkmoe.data;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/** Any {@code tokenizer.json} of Hugging Face, run by its own native library without network. */
public final class HuggingFaceTokenizer implements Tokenizer {
  private static final List<String> END_OF_TEXT_NAMES =
      List.of("<|endoftext|>", "<|end_of_text|>", "</s>", "<eos>", "<|im_end|>", "[SEP]");

  /** Far above the largest vocabularies, and small enough for a table of embeddings. */
  private static final int MAX_VOCABULARY = 1 << 24;

  private static final ObjectMapper JSON =
      new ObjectMapper(
          JsonFactory.builder()
              .streamReadConstraints(StreamReadConstraints.builder().maxNestingDepth(64).build())
              .build());

  private final ai.djl.huggingface.tokenizers.HuggingFaceTokenizer tokenizer;
  private final int vocabSize;
  private final int endOfText;

  /**
   * @param json the text of a {@code tokenizer.json}
   * @throws DataException if it is not one, or has no end-of-text token
   */
  public HuggingFaceTokenizer(String json) {
    Vocabulary vocabulary = Vocabulary.parse(json);
    vocabSize = vocabulary.size;
    endOfText = vocabulary.endOfText;
    try {
      tokenizer =
          ai.djl.huggingface.tokenizers.HuggingFaceTokenizer.newInstance(
              new ByteArrayInputStream(json.getBytes(StandardCharsets.UTF_8)),
              Map.of("addSpecialTokens", "false", "truncation", "false", "padding", "false"));
    } catch (IOException | RuntimeException e) {
      throw new DataException(
          "data.tokenizer is not a tokenizer.json that can be used: " + e.getMessage(), e);
    }
  }

  @Override
  public int[] encode(String text) {
    return Arrays.stream(tokenizer.encode(text, false, false).getIds())
        .mapToInt(Math::toIntExact)
        .toArray();
  }

  @Override
  public String decode(int[] tokens) {
    long[] ids = Arrays.stream(tokens).filter(t -> t != endOfText).asLongStream().toArray();
    return tokenizer.decode(ids, false);
  }

  @Override
  public int vocabSize() {
    return vocabSize;
  }

  @Override
  public int endOfText() {
    return endOfText;
  }

  @Override
  public String describe() {
    return "Hugging Face tokenizer.json, vocabulary %d".formatted(vocabSize);
  }

  @Override
  public void close() {
    tokenizer.close();
  }

  private record Vocabulary(int size, int endOfText) {

    static Vocabulary parse(String json) {
      JsonNode root;
      try {
        root = JSON.readTree(json);
      } catch (JsonProcessingException e) {
        throw new DataException("data.tokenizer is not JSON: " + e.getOriginalMessage(), e);
      }
      JsonNode vocab = root.path("model").path("vocab");
      // A Unigram model lists [piece, score] pairs, the others map pieces to numbers.
      int largest = vocab.isArray() ? vocab.size() - 1 : -1;
      if (vocab.isObject()) {
        for (JsonNode id : vocab) {
          largest = Math.max(largest, id(id));
        }
      }
      for (JsonNode added : root.path("added_tokens")) {
        largest = Math.max(largest, id(added.path("id")));
      }
      if (largest < 0) {
        throw new DataException(
            "data.tokenizer has no model.vocab, must be a tokenizer.json of Hugging Face");
      }
      return new Vocabulary(largest + 1, findEndOfText(root, vocab));
    }

    private static int id(JsonNode id) {
      if (!id.isInt() || id.asInt() < 0 || id.asInt() >= MAX_VOCABULARY) {
        throw new DataException(
            "data.tokenizer has the token id \"%s\", must be a whole number from 0 to %d"
                .formatted(id.asText(), MAX_VOCABULARY - 1));
      }
      return id.asInt();
    }

    private static int findEndOfText(JsonNode root, JsonNode vocab) {
      for (String name : END_OF_TEXT_NAMES) {
        for (JsonNode added : root.path("added_tokens")) {
          if (name.equals(added.path("content").asText())) {
            return id(added.path("id"));
          }
        }
        if (vocab.has(name)) {
          return id(vocab.get(name));
        }
      }
      throw new DataException(
          "data.tokenizer has no end-of-text token, must have one of " + END_OF_TEXT_NAMES);
    }
  }
}
