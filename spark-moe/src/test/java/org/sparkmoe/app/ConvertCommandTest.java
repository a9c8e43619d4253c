package org.sparkmoe.app;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.sparkmoe.interchange.TinyHuggingFace;
import org.sparkmoe.runtime.SparkFixture;

@ExtendWith(SparkFixture.class)
class ConvertCommandTest {
  @TempDir private Path directory;
  private Path ours;

  ConvertCommandTest(SparkSession running) {
    assertThat(running.sparkContext().master()).isEqualTo("local[4]");
  }

  @BeforeEach
  void convert() throws IOException {
    ours = directory.resolve("ours");
    TinyHuggingFace.mixtral(directory.resolve("hf"), "BF16");
    CommandLineRun run = convert(directory.resolve("hf"), ours);
    assertThat(run.exitCode()).as(run.err()).isZero();
  }

  private static CommandLineRun convert(Path input, Path output, String... more) {
    List<String> arguments =
        List.of("convert", "--input", input.toString(), "--output", output.toString());
    return run(arguments, more);
  }

  private CommandLineRun train(Path output, String... more) {
    List<String> arguments =
        new ArrayList<>(List.of("train", "--conf", ours.resolve("config.conf").toString()));
    for (String assignment :
        List.of(
            "data.paths=" + TinyModel.TEXT,
            "data.sequence-length=32",
            "data.max-documents=20",
            "data.validation-fraction=0.5",
            "train.steps=1",
            "train.global-batch=4",
            "train.micro-batch=2",
            "train.learning-rate=1e-12",
            "train.final-evaluate-batches=1",
            "output.directory=" + output,
            "output.sample-tokens=0")) {
      arguments.addAll(List.of("--set", assignment));
    }
    return run(arguments, more);
  }

  private static CommandLineRun run(List<String> first, String... more) {
    return CommandLineRun.of(Stream.concat(first.stream(), Stream.of(more)).toArray(String[]::new));
  }

  @Test
  void aConvertedModelWritesAndIsTrainedOnFromItsWeights() {
    CommandLineRun generated =
        CommandLineRun.of("generate", "--model", ours.toString(), "--prompt", "a", "--tokens", "3");
    assertThat(generated.exitCode()).as(generated.err()).isZero();

    Path trained = directory.resolve("trained");
    CommandLineRun run = train(trained);
    assertThat(run.exitCode()).as(run.err()).isZero();
    // The learning rate is too small to be seen in bf16.
    CommandLineRun back =
        convert(trained, directory.resolve("back"), "--dtype", "bf16", "--shard-size", "10KB");
    assertThat(back.exitCode()).as(back.err()).isZero();
    CommandLineRun direct = convert(ours, directory.resolve("direct"), "--shard-size", "10KB");
    assertThat(direct.exitCode()).as(direct.err()).isZero();
    for (String shard : new String[] {"00001", "00002", "00003"}) {
      String name = "model-%s-of-00003.safetensors".formatted(shard);
      assertThat(directory.resolve("back").resolve(name))
          .hasSameBinaryContentAs(directory.resolve("direct").resolve(name));
    }

    CommandLineRun other =
        train(directory.resolve("x"), "--set", "model.layers=1", "--set", "data.tokenizer=gpt2");
    assertThat(other.exitCode()).isEqualTo(2);
    assertThat(other.err())
        .contains(
            "model.layers is \"1\", must be \"2\" as in train.initial-model",
            "data.tokenizer is \"gpt2\", must be the tokenizer of train.initial-model (byte)");
  }

  @Test
  void whatCannotBeConvertedIsRefused() {
    CommandLineRun again = convert(directory.resolve("hf"), ours);
    assertThat(again.exitCode()).isEqualTo(2);
    assertThat(again.err()).contains("it is there already, must be a new directory");
    CommandLineRun upcycled = convert(ours, directory.resolve("x"), "--upcycle", "experts=4,k=2");
    assertThat(upcycled.exitCode()).isEqualTo(2);
    assertThat(upcycled.err()).contains("must be none to be upcycled");
    assertThat(convert(directory.resolve("gone"), directory.resolve("x")).exitCode()).isEqualTo(2);
    CommandLineRun size = convert(ours, directory.resolve("x"), "--shard-size", "0GB");
    assertThat(size.exitCode()).isEqualTo(2);
    assertThat(size.err()).contains("'0GB' is no size");
    assertThat(Files.exists(directory.resolve("x"))).isFalse();
  }

  @Test
  void helpNamesEveryOption() {
    assertThat(CommandLineRun.of("convert", "--help").out())
        .contains("--input", "--output", "--to", "--dtype", "--shard-size", "--tokenizer")
        .contains("--upcycle", "huggingface, spark-moe", "Examples");
  }
}
