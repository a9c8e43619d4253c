package org.sparkmoe.interchange;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.sparkmoe.topology.Topology;
import org.sparkmoe.train.StoredType;

class InterchangeTest {
  private static final long LARGE = 1L << 30;
  private static final Topology ONE = Topology.single();
  private static final Topology EXPERTS_ON_TWO = new Topology(2, 2, 1, 2, 1);

  @TempDir private Path directory;

  @ParameterizedTest
  @ValueSource(strings = {"F32", "BF16", "F16"})
  void aMixtralComputesWhatItsFormulasSayAtAnyLayoutOfExperts(String dtype) throws IOException {
    Path theirs = directory.resolve("hf");
    Path ours = directory.resolve("ours");
    TinyHuggingFace.mixtral(theirs, dtype);
    Conversions.fromHuggingFace(theirs, ours);

    double[][] expected =
        new MixtralOracle(PlainFiles.read(theirs), true).logits(Conversions.TOKENS);
    assertClose(Conversions.logits(ours, ONE), expected);
    assertClose(Conversions.logits(ours, EXPERTS_ON_TWO), expected);
  }

  @Test
  void aMistralAndAGpt2ComputeWhatTheirFormulasSay() throws IOException {
    Path mistral = directory.resolve("mistral");
    Path gpt2 = directory.resolve("gpt2");
    TinyHuggingFace.mistral(mistral);
    TinyHuggingFace.gpt2(gpt2, "F32");
    Conversions.fromHuggingFace(mistral, directory.resolve("a"));
    Conversions.fromHuggingFace(gpt2, directory.resolve("b"));

    assertClose(
        Conversions.logits(directory.resolve("a"), ONE),
        new MixtralOracle(PlainFiles.read(mistral), false).logits(Conversions.TOKENS));
    assertClose(
        Conversions.logits(directory.resolve("b"), ONE),
        new Gpt2Oracle(PlainFiles.read(gpt2)).logits(Conversions.TOKENS));
  }

  @ParameterizedTest
  @ValueSource(strings = {"mixtral F32", "mixtral BF16", "gpt2 F32", "gpt2 BF16"})
  void thereAndBackIsTheSameBitForBit(String kind) throws IOException {
    Path theirs = directory.resolve("hf");
    Path ours = directory.resolve("ours");
    write(kind, theirs);
    Conversions.fromHuggingFace(theirs, ours);
    Conversions.toHuggingFace(ours, directory.resolve("hf2"), LARGE, null);
    Conversions.fromHuggingFace(directory.resolve("hf2"), directory.resolve("ours2"));

    assertThat(PlainFiles.contents(directory.resolve("hf2")))
        .isEqualTo(PlainFiles.contents(theirs));
    assertThat(directory.resolve("ours2/model.safetensors"))
        .hasSameBinaryContentAs(ours.resolve("model.safetensors"));
    assertThat(Conversions.config(directory.resolve("ours2")).model())
        .isEqualTo(Conversions.config(ours).model());
    assertThat(Conversions.config(directory.resolve("ours2")).moe())
        .isEqualTo(Conversions.config(ours).moe());
    assertThat(directory.resolve("hf2/tokenizer.json"))
        .hasSameBinaryContentAs(theirs.resolve("tokenizer.json"));
    JsonNode before = new ObjectMapper().readTree(theirs.resolve("config.json").toFile());
    JsonNode after = new ObjectMapper().readTree(directory.resolve("hf2/config.json").toFile());
    before
        .properties()
        .forEach(
            field -> {
              if (!field.getKey().equals("resid_pdrop")) {
                assertThat(after.get(field.getKey()))
                    .as(field.getKey())
                    .isEqualTo(field.getValue());
              }
            });
  }

  private static void write(String kind, Path directory) throws IOException {
    String dtype = kind.split(" ")[1];
    if (kind.startsWith("mixtral")) {
      TinyHuggingFace.mixtral(directory, dtype);
    } else {
      TinyHuggingFace.gpt2(directory, dtype);
    }
  }

  @Test
  void shardsHaveTheSizeAskedForAndAnIndex() throws IOException {
    Path theirs = directory.resolve("hf");
    Path ours = directory.resolve("ours");
    Path sharded = directory.resolve("sharded");
    TinyHuggingFace.mixtral(theirs, "F32");
    Conversions.fromHuggingFace(theirs, ours);
    Conversions.toHuggingFace(ours, sharded, 5000, StoredType.BF16);

    JsonNode index =
        new ObjectMapper().readTree(sharded.resolve("model.safetensors.index.json").toFile());
    Map<String, PlainTensor> tensors = PlainFiles.read(sharded);
    assertThat(index.path("weight_map").size()).isEqualTo(tensors.size());
    assertThat(index.path("metadata").path("total_size").asLong())
        .isEqualTo(tensors.values().stream().mapToLong(t -> t.data().length).sum());
    assertThat(index.path("weight_map").path("model.embed_tokens.weight").asText())
        .isEqualTo("model-00001-of-00005.safetensors");
    assertThat(tensors.values()).allMatch(tensor -> tensor.dtype().equals("BF16"));
    JsonNode config = new ObjectMapper().readTree(sharded.resolve("config.json").toFile());
    assertThat(config.path("torch_dtype").asText()).isEqualTo("bfloat16");
    Conversions.fromHuggingFace(sharded, directory.resolve("back"));
    assertThat(Conversions.logits(directory.resolve("back"), ONE)).hasDimensions(8, 257);
  }

  @Test
  void anUpcycledModelComputesWhatTheDenseOneDoes() throws IOException {
    for (String kind : new String[] {"mistral", "gpt2"}) {
      Path dense = directory.resolve(kind);
      if (kind.equals("gpt2")) {
        TinyHuggingFace.gpt2(directory.resolve("hf-" + kind), "F32");
      } else {
        TinyHuggingFace.mistral(directory.resolve("hf-" + kind));
      }
      Conversions.fromHuggingFace(directory.resolve("hf-" + kind), dense);
      Path some = directory.resolve(kind + "-some");
      Path all = directory.resolve(kind + "-all");
      Conversions.upcycle(dense, some, "experts=4,k=2,layers=1,seed=3");
      Conversions.upcycle(dense, all, "experts=8,k=3,deviation=0.5");

      double[][] expected = Conversions.logits(dense, ONE);
      assertThat(Conversions.config(some).model().moeLayerCount()).isEqualTo(1);
      assertThat(Conversions.config(all).moe().experts()).isEqualTo(8);
      assertClose(Conversions.logits(some, EXPERTS_ON_TWO), expected);
      assertClose(Conversions.logits(all, ONE), expected);
    }
    assertThat(Files.readString(directory.resolve("gpt2-all/config.conf")))
        .contains("gate=mixtral", "expert=gpt");
    Conversions.toHuggingFace(
        directory.resolve("mistral-all"), directory.resolve("mixtral"), LARGE, null);
    assertThat(directory.resolve("mixtral/config.json")).content().contains("\"mixtral\"");
  }

  private static void assertClose(double[][] actual, double[][] expected) {
    for (int p = 0; p < expected.length; p++) {
      assertThat(actual[p]).as("position %d", p).containsExactly(expected[p], Offset.offset(1e-9));
    }
  }
}
