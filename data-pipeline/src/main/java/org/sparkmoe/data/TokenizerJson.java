package org.sparkmoe.data;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.List;
import java.util.Map;

/**
 * Tokenizers as the {@code tokenizer.json} of Hugging Face's library, with the same ids. The
 * built-in ones are byte-level byte-pair encodings there, that of bytes without merges. One
 * difference stays: Hugging Face's library finds the text {@code <|endoftext|>} and makes one token
 * of it.
 */
public final class TokenizerJson {
  private static final String END_OF_TEXT = "<|endoftext|>";
  private static final String GPT2_END = "\"<|endoftext|>\" : 50256\n";

  private TokenizerJson() {}

  /** The text of a {@code tokenizer.json}; a user's own as it is. */
  public static String of(TokenizerSpec spec) {
    return switch (spec.name()) {
      case "byte" -> render(bytes(), List.of(), false);
      case "gpt2" -> {
        List<String> vocabulary = Gpt2Merges.vocabulary();
        yield render(vocabulary, Gpt2Merges.merges(vocabulary), true);
      }
      default -> spec.json();
    };
  }

  /**
   * The tokenizer of a {@code tokenizer.json}: a built-in one where {@link #of} wrote it.
   *
   * @throws DataException if it cannot be used
   */
  public static TokenizerSpec read(String json) {
    // GPT-2's text is long to make, so it is made only where it may be the same.
    boolean endsAsGpt2 = json.contains(GPT2_END);
    TokenizerSpec builtIn = new TokenizerSpec(endsAsGpt2 ? "gpt2" : "byte", "");
    if (of(builtIn).equals(json)) {
      return builtIn;
    }
    TokenizerSpec spec = new TokenizerSpec("huggingface", json);
    spec.open().close();
    return spec;
  }

  /** The text of the token that stands between documents. */
  public static String endOfText(TokenizerSpec spec) {
    if (spec.json().isEmpty()) {
      return END_OF_TEXT;
    }
    int id;
    try (Tokenizer tokenizer = spec.open()) {
      id = tokenizer.endOfText();
    }
    JsonNode root = parse(spec.json());
    for (JsonNode added : root.path("added_tokens")) {
      if (added.path("id").asInt(-1) == id) {
        return added.path("content").asText();
      }
    }
    for (Map.Entry<String, JsonNode> token : root.path("model").path("vocab").properties()) {
      if (token.getValue().asInt(-1) == id) {
        return token.getKey();
      }
    }
    throw new DataException("tokenizer.json has no token %d".formatted(id));
  }

  private static JsonNode parse(String json) {
    try {
      return new ObjectMapper().readTree(json);
    } catch (JsonProcessingException e) {
      throw new DataException("tokenizer.json is not JSON: " + e.getOriginalMessage(), e);
    }
  }

  private static List<String> bytes() {
    return java.util.stream.IntStream.range(0, 256)
        .mapToObj(b -> ByteSymbols.of(new byte[] {(byte) b}))
        .toList();
  }

  /**
   * @param vocabulary tokens in the order of their ids, without end-of-text, which comes next
   * @param merges pairs joined by a space, the first to be merged first
   * @param words whether text is cut into words as GPT-2 does
   */
  private static String render(List<String> vocabulary, List<String> merges, boolean words) {
    ObjectMapper mapper = new ObjectMapper();
    ObjectNode root = mapper.createObjectNode();
    root.put("version", "1.0").putNull("truncation").putNull("padding");
    ObjectNode end = root.putArray("added_tokens").addObject();
    end.put("id", vocabulary.size()).put("content", END_OF_TEXT).put("single_word", false);
    end.put("lstrip", false).put("rstrip", false).put("normalized", false).put("special", true);
    root.putNull("normalizer");
    byteLevel(root.putObject("pre_tokenizer"), words);
    byteLevel(root.putObject("post_processor"), words).put("trim_offsets", false);
    byteLevel(root.putObject("decoder"), words);
    ObjectNode model = root.putObject("model").put("type", "BPE").putNull("dropout");
    model.putNull("unk_token").put("continuing_subword_prefix", "").put("end_of_word_suffix", "");
    model.put("fuse_unk", false).put("byte_fallback", false);
    ObjectNode vocab = model.putObject("vocab");
    for (int id = 0; id < vocabulary.size(); id++) {
      vocab.put(vocabulary.get(id), id);
    }
    vocab.put(END_OF_TEXT, vocabulary.size());
    ArrayNode pairs = model.putArray("merges");
    merges.forEach(pairs::add);
    return root.toPrettyString() + "\n";
  }

  private static ObjectNode byteLevel(ObjectNode node, boolean words) {
    return node.put("type", "ByteLevel")
        .put("add_prefix_space", false)
        .put("trim_offsets", true)
        .put("use_regex", words);
  }
}
