package org.sparkmoe.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.Size;

/** Whatever is done to a tokenizer.json, it is refused as data or it is a tokenizer. */
class TokenizerFuzzTest {
  private static final String VALID =
      """
      {"version":"1.0","truncation":null,"padding":null,"added_tokens":[
      {"id":3,"content":"</s>","single_word":false,"lstrip":false,"rstrip":false,
      "normalized":false,"special":true}],"normalizer":null,
      "pre_tokenizer":{"type":"Whitespace"},"post_processor":null,"decoder":null,
      "model":{"type":"WordLevel","vocab":{"a":0,"b":1,"<unk>":2},"unk_token":"<unk>"}}
      """;

  @Example
  void theUnchangedFileIsATokenizer() {
    try (Tokenizer tokenizer = new HuggingFaceTokenizer(VALID)) {
      assertThat(tokenizer.encode("b a c")).containsExactly(1, 0, 2);
      assertThat(tokenizer.vocabSize()).isEqualTo(4);
      assertThat(tokenizer.endOfText()).isEqualTo(3);
    }
  }

  @Property(tries = 10_000)
  void mutatedFilesAreRefusedOrUsable(
      @ForAll @Size(min = 1, max = 4) List<@IntRange(max = 1 << 30) Integer> edits) {
    StringBuilder json = new StringBuilder(VALID);
    edits.forEach(edit -> mutate(json, edit));
    try (Tokenizer tokenizer = new HuggingFaceTokenizer(json.toString())) {
      assertThat(tokenizer.vocabSize()).isBetween(1, 1 << 24);
      assertThat(tokenizer.endOfText()).isBetween(0, tokenizer.vocabSize() - 1);
    } catch (DataException refused) {
      assertThat(refused).hasMessageStartingWith("data.tokenizer ");
    }
  }

  private static void mutate(StringBuilder json, int edit) {
    String alphabet = "{}[],:\"0123456789-eE. \\antf\u0000\u00FF";
    int position = (edit >>> 10) % Math.max(1, json.length());
    char character = alphabet.charAt((edit >>> 2 & 0xFF) % alphabet.length());
    switch (edit & 3) {
      case 0 -> json.replace(position, position + 1, String.valueOf(character));
      case 1 -> json.insert(position, character);
      case 2 -> json.delete(position, position + 1);
      default -> json.setLength(position);
    }
  }

  @Example
  void idsBeyondAnyVocabularyAreRefused() {
    for (String id : List.of("-1", "2147483647", "16777216", "1.5", "\"1\"", "99999999999")) {
      assertThatThrownBy(() -> new HuggingFaceTokenizer(VALID.replace("\"b\":1", "\"b\":" + id)))
          .isInstanceOf(DataException.class)
          .hasMessageContaining("data.tokenizer has the token id")
          .hasMessageContaining("must be a whole number from 0 to 16777215");
    }
  }

  @Example
  void deepNestingIsRefused() {
    String deep = "{\"model\":" + "[".repeat(100_000);
    assertThatThrownBy(() -> new HuggingFaceTokenizer(deep))
        .isInstanceOf(DataException.class)
        .hasMessageContaining("data.tokenizer is not JSON")
        .hasMessageContaining("depth");
  }
}
