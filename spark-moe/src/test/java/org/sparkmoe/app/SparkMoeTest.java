package org.sparkmoe.app;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.sparkmoe.runtime.SparkFixture;
import scala.jdk.javaapi.CollectionConverters;

@ExtendWith(SparkFixture.class)
class SparkMoeTest {
  @TempDir private Path directory;

  private final SparkSession running;

  SparkMoeTest(SparkSession running) {
    this.running = running;
    assertThat(running.sparkContext().master()).isEqualTo("local[4]");
  }

  private static CommandLineRun run(List<String> arguments) {
    return CommandLineRun.of(arguments.toArray(String[]::new));
  }

  private List<String> sumsOfStages() throws Exception {
    running.sparkContext().listenerBus().waitUntilEmpty();
    return CollectionConverters.asJava(
            running
                .sparkContext()
                .statusStore()
                .stageList(List.of(), false, false, new double[0], List.of()))
        .stream()
        .flatMap(stage -> CollectionConverters.asJava(stage.accumulatorUpdates()).stream())
        .map(sum -> sum.name() + ": " + sum.value())
        .toList();
  }

  @Test
  void helpOfEveryCommandNamesItsOptions() {
    assertThat(CommandLineRun.of("--help").out())
        .contains("train", "prepare", "evaluate", "generate", "Exit codes");
    assertThat(CommandLineRun.of("train", "--help").out())
        .contains("--conf", "--set", "--resume", "Examples");
    assertThat(CommandLineRun.of("generate", "--help").out())
        .contains("--model", "--prompt", "--temperature", "(default: 0.8)");
    assertThat(CommandLineRun.of("evaluate", "--help").out()).contains("--model", "--set");
    assertThat(CommandLineRun.of("prepare", "--help").out()).contains("--output");
  }

  @Test
  void aMeasuredProfileIsWhatPlanReads() throws Exception {
    Path models = directory.resolve("measured.conf");
    List<String> settings = TinyModel.train(directory, "--set", "cluster.ranks=2");
    settings.set(0, "profile");
    settings.addAll(List.of("--output", models.toString()));
    CommandLineRun profiled = run(settings);
    assertThat(profiled.exitCode()).as(profiled.err()).isZero();
    assertThat(profiled.out())
        .contains("all-to-all", "attention")
        .isEqualTo(Files.readString(models));
    settings.set(0, "plan");
    settings.set(settings.size() - 2, "--models");
    CommandLineRun planned = run(settings);
    assertThat(planned.exitCode()).as(planned.err()).isZero();
    assertThat(planned.out()).contains("fsmoe", "tutel");
  }

  @Test
  void aModelIsTrainedEvaluatedAndWrites() throws Exception {
    Path model = directory.resolve("model");
    CommandLineRun trained = run(TinyModel.train(model, "--set", "cluster.ranks=2"));
    assertThat(trained.exitCode()).as(trained.err()).isZero();
    assertThat(trained.err())
        .contains("step 4/4  loss ", " tokens/s  ", "FLOP/s a rank", "  ETA 0:00");
    assertThat(trained.out())
        .contains("documents: ", "bits per byte; byte trigram with back-off: ", "sample:\npackage")
        .contains("more: bin/spark-moe generate --model " + model + " --prompt 'package'");
    assertThat(model)
        .isDirectoryContaining("glob:**/model.safetensors")
        .isDirectoryContaining("glob:**/config.conf")
        .isDirectoryContaining("glob:**/tokenizer-name.txt")
        .isDirectoryContaining("glob:**/training-log.jsonl")
        .isDirectoryContaining("glob:**/loss.png")
        .isDirectoryContaining("glob:**/loss.svg")
        .isDirectoryContaining("glob:**/report.html");
    assertThat(sumsOfStages())
        .anySatisfy(
            sum ->
                assertThat(sum)
                    .startsWith("MoE layer 1: tokens per expert [")
                    .contains("mean of 4 steps"));
    assertThat(model.resolve("provenance.json"))
        .content()
        .contains("\"commit\"", "\"trigramBitsPerByte\"", "\"java\"");

    String[] generate = {"generate", "--model", model.toString(), "--prompt", "class A"};
    CommandLineRun once = CommandLineRun.of(generate);
    assertThat(once.out()).startsWith("class A");
    assertThat(CommandLineRun.of(generate)).isEqualTo(once);

    CommandLineRun evaluated = CommandLineRun.of("evaluate", "--model", model.toString());
    assertThat(evaluated.exitCode()).as(evaluated.err()).isZero();
    String bits = trained.out().replaceAll("(?s).*validation: (\\S+) bits per byte; .*", "$1");
    assertThat(evaluated.out()).contains(bits + " bits per byte");
  }

  @Test
  void resumeGoesOnAsIfNothingHadHappened() throws Exception {
    Path whole = directory.resolve("whole");
    Path parts = directory.resolve("parts");
    assertThat(run(TinyModel.train(whole)).exitCode()).isZero();
    assertThat(run(TinyModel.train(parts, "--set", "train.steps=2")).exitCode()).isZero();

    CommandLineRun again = run(TinyModel.train(parts));
    assertThat(again.exitCode()).isEqualTo(2);
    assertThat(again.err()).contains("holds checkpoints: go on from them with --resume");

    CommandLineRun resumed = run(TinyModel.train(parts, "--resume"));
    assertThat(resumed.exitCode()).as(resumed.err()).isZero();
    assertThat(resumed.err()).contains("going on after step 2");
    assertThat(TinyModel.losses(parts)).hasSize(4).isEqualTo(TinyModel.losses(whole));
  }

  @Test
  void twoSourcesTrainByWeightAndGoOnAtAnotherNumberOfRanks() throws Exception {
    Path prose = directory.resolve("prose.txt");
    Files.writeString(prose, "All happy families are alike. ".repeat(3) + "\n");
    for (int line = 0; line < 40; line++) {
      Files.writeString(
          prose, "Family %d is happy too.\n".formatted(line), StandardOpenOption.APPEND);
    }
    String sources =
        "data.sources={ code { paths = [\"%s\"], weight = 3 }, prose { paths = [\"%s\"], weight = 1"
            + ", format = lines } }";
    String[] both = {"--set", "data.paths=[]", "--set", sources.formatted(TinyModel.TEXT, prose)};
    Path whole = directory.resolve("whole");
    CommandLineRun trained = run(TinyModel.train(whole, both));
    assertThat(trained.exitCode()).as(trained.err()).isZero();
    assertThat(trained.out())
        .contains("source code: 75.0 % of training; ", "source prose: 25.0 % of training; 41 doc");

    Path parts = directory.resolve("parts");
    List<String> first = TinyModel.train(parts, both);
    first.addAll(List.of("--set", "train.steps=2"));
    assertThat(run(first).exitCode()).isZero();
    List<String> second = TinyModel.train(parts, both);
    second.addAll(List.of("--resume", "--set", "cluster.ranks=2"));
    CommandLineRun resumed = run(second);
    assertThat(resumed.exitCode()).as(resumed.err()).isZero();
    List<Double> losses = TinyModel.losses(parts);
    assertThat(losses).hasSize(4);
    for (int step = 0; step < 4; step++) {
      assertThat(losses.get(step)).isCloseTo(TinyModel.losses(whole).get(step), within(1e-4));
    }
  }

  @Test
  void sourcesThatCannotBeMixedAreRefusedWithTheirNames() {
    CommandLineRun refused =
        run(
            TinyModel.train(
                directory.resolve("model"),
                "--set",
                "data.sources={ a { paths = x, weight = 0 }, b { weight = 1 } }"));
    assertThat(refused.exitCode()).isEqualTo(2);
    assertThat(refused.err()).contains("data.sources.b.paths is missing");
  }

  @Test
  void preparedDataTrainTheSameModel() throws Exception {
    Path prepared = directory.resolve("prepared");
    CommandLineRun prepare =
        CommandLineRun.of(
            "prepare",
            "--conf",
            TinyModel.CONF.toString(),
            "--set",
            "data.paths=" + TinyModel.TEXT,
            "--output",
            prepared.toString());
    assertThat(prepare.exitCode()).as(prepare.err()).isZero();
    Path fromText = directory.resolve("a");
    Path fromPrepared = directory.resolve("b");
    run(TinyModel.train(fromText));
    CommandLineRun run =
        run(
            TinyModel.train(
                fromPrepared, "--set", "data.paths=" + prepared, "--set", "data.format=prepared"));
    assertThat(run.exitCode()).as(run.err()).isZero();
    assertThat(TinyModel.losses(fromPrepared)).isEqualTo(TinyModel.losses(fromText));
  }

  @Test
  void aBadConfigurationIsToldInFullAndWithoutStackTrace() {
    CommandLineRun run =
        run(
            TinyModel.train(
                directory,
                "--set",
                "train.stps=3",
                "--set",
                "trian.steps=3",
                "--set",
                "moe.experts=many",
                "--set",
                "data.format=doc"));
    assertThat(run.exitCode()).isEqualTo(2);
    assertThat(run.err())
        .contains("the configuration has 4 problems")
        .contains("train.stps is not a key, did you mean train.steps? (--set train.stps)")
        .contains("trian is not a key, did you mean train? (--set trian.steps)")
        .contains("moe.experts is \"many\", must be a whole number")
        .contains("data.format is \"doc\", must be one of")
        .doesNotContain("\tat ");
  }

  @Test
  void sectionsThatDoNotFitTogetherAreRefused() {
    CommandLineRun run =
        run(TinyModel.train(directory, "--set", "cluster.ranks=4", "--set", "cluster.mp=4"));
    assertThat(run.exitCode()).isEqualTo(2);
    assertThat(run.err()).contains("model.heads is \"2\", must be a multiple of cluster.mp = 4");
  }

  @Test
  void moreRanksThanSlotsAreRefusedBeforeDataAreRead() {
    CommandLineRun run =
        run(
            TinyModel.train(
                directory,
                "--set",
                "cluster.ranks=8",
                "--set",
                "cluster.ep=1",
                "--set",
                "train.micro-batch=1",
                "--set",
                "data.paths=/none"));
    assertThat(run.exitCode()).isEqualTo(2);
    assertThat(run.err()).contains("cluster.ranks is 8, must be at most the 4 tasks");
  }

  @Test
  void unreadableAndEmptyDataAreRefused() throws Exception {
    CommandLineRun missing =
        run(TinyModel.train(directory.resolve("m"), "--set", "data.paths=/none"));
    assertThat(missing.exitCode()).isEqualTo(2);
    assertThat(missing.err()).contains("data.paths: \"/none\"").doesNotContain("\tat ");

    Path blank = Files.writeString(directory.resolve("blank.txt"), " \n");
    CommandLineRun empty =
        run(TinyModel.train(directory.resolve("m"), "--set", "data.paths=" + blank));
    assertThat(empty.exitCode()).isEqualTo(2);
    assertThat(empty.err()).contains("none has text, must give at least 2");
  }

  @Test
  void aDirectoryWithoutAModelIsRefused() {
    CommandLineRun run =
        CommandLineRun.of("generate", "--model", directory.toString(), "--prompt", "x");
    assertThat(run.exitCode()).isEqualTo(2);
    assertThat(run.err()).contains("--model cannot be used: ", "model.safetensors");
  }
}
