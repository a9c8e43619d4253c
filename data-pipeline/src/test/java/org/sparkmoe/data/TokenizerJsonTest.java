package org.sparkmoe.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TokenizerJsonTest {
  private static final String TEXT =
      "class Grüße {\n\tint x = 10_000;  // it's 日本語 \u0000 \r\n\n   don't  🙂}";

  @ParameterizedTest
  @ValueSource(strings = {"byte", "gpt2"})
  void huggingFacesLibraryHasTheSameIds(String name) {
    TokenizerSpec spec = new TokenizerSpec(name, "");
    String json = TokenizerJson.of(spec);
    try (Tokenizer ours = spec.open();
        Tokenizer theirs = new HuggingFaceTokenizer(json)) {
      assertThat(theirs.vocabSize()).isEqualTo(ours.vocabSize());
      assertThat(theirs.endOfText()).isEqualTo(ours.endOfText());
      assertThat(theirs.encode(TEXT)).isEqualTo(ours.encode(TEXT));
      assertThat(theirs.decode(theirs.encode(TEXT))).isEqualTo(TEXT);
    }
    assertThat(TokenizerJson.read(json)).isEqualTo(spec);
    assertThat(TokenizerJson.endOfText(spec)).isEqualTo("<|endoftext|>");
  }

  @Property(tries = 200)
  void anyTextHasTheSameBytes(@ForAll String text) {
    TokenizerSpec spec = new TokenizerSpec("byte", "");
    try (Tokenizer theirs = new HuggingFaceTokenizer(TokenizerJson.of(spec))) {
      assertThat(theirs.encode(text)).isEqualTo(new ByteTokenizer().encode(text));
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "{", "[]", "{\"model\":{\"vocab\":{}}}", "{\"model\":{\"vocab\":7}}"})
  void whatIsNoTokenizerIsRefused(String json) {
    assertThatThrownBy(() -> TokenizerJson.read(json)).isInstanceOf(DataException.class);
  }
}
