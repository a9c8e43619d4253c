package org.sparkmoe.interchange;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class RefusalTest {
  private static final String GATE = "model.layers.0.block_sparse_moe.gate.weight";
  private static final String HEAD = "lm_head.weight";

  @TempDir private Path directory;

  private Path mixtral() throws IOException {
    Path theirs = directory.resolve("hf");
    TinyHuggingFace.mixtral(theirs, "F32");
    return theirs;
  }

  private void assertRefused(Path theirs, String... lines) {
    Path output = directory.resolve("out");
    assertThatThrownBy(() -> Conversions.fromHuggingFace(theirs, output))
        .isInstanceOf(InterchangeException.class)
        .message()
        .contains(lines);
    assertThat(output).doesNotExist();
  }

  @Test
  void everyTensorThatIsNotRightIsNamedWithBothShapes() throws IOException {
    Path theirs = mixtral();
    Map<String, PlainTensor> tensors = new TreeMap<>(PlainFiles.read(theirs));
    tensors.remove("model.norm.weight");
    tensors.put(GATE, PlainTensor.of("F32", new long[] {3, 16}, new double[48]));
    tensors.put(
        "model.layers.1.self_attn.q_proj.bias",
        PlainTensor.of("F32", new long[] {16}, new double[16]));
    tensors.put(
        "model.layers.1.block_sparse_moe.experts.2.w1.weight",
        PlainTensor.of("BF16", new long[] {12, 16}, new double[12 * 16]));
    PlainFiles.write(theirs.resolve("model.safetensors"), tensors);

    assertRefused(
        theirs,
        "tensor model.norm.weight is missing, must be there with shape [16]",
        "tensor %s has shape [3, 16], must have [4, 16] (here layers.0.moe.gate.weight"
            .formatted(GATE),
        "tensor model.layers.1.self_attn.q_proj.bias of shape [16] has no place in a mixtral model",
        "tensor model.layers.1.block_sparse_moe.experts.2.w1.weight has type BF16, must have F32");
  }

  @Test
  void everyFieldThatCannotBeRepresentedIsNamed() throws IOException {
    Path theirs = mixtral();
    Files.writeString(
        theirs.resolve("config.json"),
        TinyHuggingFace.MIXTRAL_CONFIG
            .replace("\"sliding_window\": null", "\"sliding_window\": 16")
            .replace("\"silu\"", "\"relu\"")
            .replace("\"rope_theta\": 100.0", "\"rope_scaling\": {\"rope_type\": \"yarn\"}")
            .replace(
                "\"num_hidden_layers\": 2", "\"num_hidden_layers\": -2, \"attention_bias\": true"));

    assertRefused(
        theirs,
        "sliding_window is 16, must be null or at least max_position_embeddings = 32",
        "hidden_act is \"relu\", must be one of silu, swish",
        "rope_scaling is {\"rope_type\":\"yarn\"}, must be of rope_type default",
        "num_hidden_layers is -2, must be a whole number",
        "attention_bias is true, must be false");
  }

  @Test
  void mistralsWindowIsThereAlsoWhereItIsNotWritten() throws IOException {
    Path theirs = directory.resolve("hf");
    TinyHuggingFace.mistral(theirs);
    String config = Files.readString(theirs.resolve("config.json"));
    Files.writeString(
        theirs.resolve("config.json"),
        config
            .replace("\"sliding_window\": null,", "")
            .replace("\"max_position_embeddings\": 32", "\"max_position_embeddings\": 5000"));
    assertRefused(theirs, "sliding_window is 4096, Mistral's default");
  }

  @Test
  void aTiedHeadMayBeThereOnceMoreIfItIsTheSame() throws IOException {
    Path theirs = directory.resolve("hf");
    TinyHuggingFace.gpt2(theirs, "F32");
    Map<String, PlainTensor> tensors = new TreeMap<>(PlainFiles.read(theirs));
    PlainTensor embedding = tensors.get("transformer.wte.weight");
    tensors.put(HEAD, embedding);
    tensors.put(
        "transformer.h.0.attn.bias", PlainTensor.of("F32", new long[] {1, 1, 2, 2}, new double[4]));
    Map<String, PlainTensor> withoutPrefix = new TreeMap<>();
    tensors.forEach((name, t) -> withoutPrefix.put(name.replace("transformer.", ""), t));
    PlainFiles.write(theirs.resolve("model.safetensors"), withoutPrefix);
    Conversions.fromHuggingFace(theirs, directory.resolve("ours"));

    double[] other = embedding.values();
    other[7]++;
    withoutPrefix.put(HEAD, PlainTensor.of("F32", embedding.shape(), other));
    PlainFiles.write(theirs.resolve("model.safetensors"), withoutPrefix);
    assertRefused(theirs, "tensor lm_head.weight of shape [257, 16] has no place in a gpt2 model");
  }

  @Test
  void anotherVocabularyThanTheTokenizersIsRefused() throws IOException {
    Path theirs = mixtral();
    Files.writeString(
        theirs.resolve("config.json"), TinyHuggingFace.MIXTRAL_CONFIG.replace("257", "300"));
    assertRefused(
        theirs,
        "vocab_size is 300, must be 257, the ids of the tokenizer",
        "tensor lm_head.weight has shape [257, 16], must have [300, 16]");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"../x.safetensors", "/etc/x.safetensors", "a/b.safetensors", "x.bin", "."})
  void anIndexThatPointsElsewhereIsRefused(String file) throws IOException {
    Path theirs = sharded("{\"a\": \"%s\"}".formatted(file));
    assertRefused(theirs, "tensor a is in \"" + file + "\", must be in a file NAME.safetensors");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "{\"a\": \"gone.safetensors\"} | gone.safetensors: the index names it, but it is missing",
        "{\"zz\": \"one.safetensors\"} | tensor zz is missing in one.safetensors",
        "{\"lm_head.weight\": \"one.safetensors\", \"b\": \"two.safetensors\"}"
            + " | tensor lm_head.weight is in two.safetensors and in another file",
        "{} | weight_map names 0 files"
      })
  void anIndexThatDoesNotFitItsFilesIsRefused(String weightMap, String line) throws IOException {
    assertRefused(sharded(weightMap), line);
  }

  private Path sharded(String weightMap) throws IOException {
    Path theirs = mixtral();
    Files.copy(theirs.resolve("model.safetensors"), theirs.resolve("two.safetensors"));
    Files.move(theirs.resolve("model.safetensors"), theirs.resolve("one.safetensors"));
    Files.writeString(
        theirs.resolve("model.safetensors.index.json"), "{\"weight_map\": " + weightMap + "}");
    return theirs;
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "[]", "{\"model_type\": ", "{\"a\": 1, \"a\": 2}", "DEEP", "\u0000"})
  void aBrokenConfigIsRefused(String text) throws IOException {
    Path theirs = mixtral();
    String deep = "{\"a\":".repeat(2000) + "1" + "}".repeat(2000);
    Files.writeString(theirs.resolve("config.json"), text.equals("DEEP") ? deep : text);
    assertThatThrownBy(() -> Conversions.fromHuggingFace(theirs, directory.resolve("out")))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("config.json is no");
  }

  @Test
  void whatHuggingFaceCannotHoldIsNamedAllAtOnce() throws IOException {
    Path ours = directory.resolve("ours");
    Conversions.fromHuggingFace(mixtral(), ours);
    addSettings(
        ours,
        "moe { gate = noisy-top-k, expert = gpt, shared-experts = 1 }\n"
            + "model.moe-layers = every-2\n");
    Path output = directory.resolve("out");
    assertThatThrownBy(() -> Conversions.toHuggingFace(ours, output, 1000, null))
        .isInstanceOf(InterchangeException.class)
        .message()
        .contains(
            "model.moe-layers is \"every-2\", must be all (mixtral) or none (mistral)",
            "moe.gate is \"noisy-top-k\", must be mixtral",
            "moe.expert is \"gpt\", must be mixtral",
            "moe.shared-experts is \"1\", must be 0");
    assertThat(output).doesNotExist();
  }

  @Test
  void aModelWhoseTensorsAreNotThoseOfItsConfigurationIsNotWritten() throws IOException {
    Path ours = directory.resolve("ours");
    Conversions.fromHuggingFace(mixtral(), ours);
    addSettings(ours, "model { layers = 1, tie-embeddings = true }\n");
    assertThatThrownBy(() -> Conversions.toHuggingFace(ours, directory.resolve("out"), 1000, null))
        .isInstanceOf(InterchangeException.class)
        .message()
        .contains(
            "tensor head.weight of shape [257, 16] has no place in Hugging Face's layout",
            "tensor layers.1.moe.experts.w1 of shape [4, 16, 12] has no place");
  }

  private static void addSettings(Path ours, String hocon) throws IOException {
    Path config = ours.resolve("config.conf");
    Files.writeString(config, Files.readString(config) + "\n" + hocon);
    // Hadoop's checksum of the file before.
    Files.delete(ours.resolve(".config.conf.crc"));
  }

  @Test
  void aDirectoryThatIsThereIsNotWrittenOver() throws IOException {
    Path theirs = mixtral();
    assertThatThrownBy(() -> Conversions.fromHuggingFace(theirs, theirs))
        .hasMessageContaining("it is there already, must be a new directory");
  }

  @ParameterizedTest
  @CsvSource({
    "'experts=4,k=5', 'k is 5, must be from 1 to experts = 4'",
    "'k=1', 'experts is 0, must be at least 1'",
    "'experts=4,top=1', '\"top=1\" is none of'",
    "'experts=x', 'experts=x'",
    "'experts=4,deviation=-1', 'deviation is -1.0'"
  })
  void anUpcyclingThatMakesNoSenseIsRefused(String text, String message) {
    assertThatThrownBy(() -> Upcycling.parse(text)).hasMessageContaining(message);
  }

  @Test
  void expertsAreNotUpcycledAgain() throws IOException {
    Path ours = directory.resolve("ours");
    Conversions.fromHuggingFace(mixtral(), ours);
    assertThatThrownBy(() -> Conversions.upcycle(ours, directory.resolve("out"), "experts=4,k=1"))
        .hasMessageContaining("model.moe-layers is \"all\", must be none to be upcycled");
  }
}
