package org.sparkmoe.app;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.sparkmoe.example.LanguageModelPipeline;

/** The manual's Spark program, by spark-submit in a session that knows nothing of us. */
class SparkProgramIT {
  private static final Path SOURCE =
      Path.of("src", "test", "java", "org", "sparkmoe", "example", "LanguageModelPipeline.java");
  private static final Path PAGE = Path.of("..", "docs", "manual", "ml-pipeline.md");

  @TempDir private Path folder;

  @Test
  void theProgramTrainsSavesLoadsAndScores() throws Exception {
    List<String> arguments =
        List.of(
            "--master",
            "local[2]",
            "--conf",
            "spark.ui.enabled=false",
            "--jars",
            "local:" + SparkProcess.JAR,
            "--class",
            LanguageModelPipeline.class.getName(),
            jarOfTheProgram().toString(),
            SOURCE.resolveSibling(Path.of("..", "ml")).normalize().toAbsolutePath().toString(),
            folder.resolve("pipeline").toString());
    try (SparkProcess job = SparkProcess.submit(arguments)) {
      assertThat(job.exitCode()).as(job.output()).isZero();
      assertThat(job.output()).containsPattern("perplexity: \\d+\\.\\d+");
    }
    assertThat(folder.resolve("pipeline")).isDirectoryContaining("glob:**/stages");
  }

  @Test
  void theScriptSubmitsWithoutAnInstalledSpark() throws Exception {
    ProcessBuilder builder =
        new ProcessBuilder(Path.of("..", "bin", "spark-submit").toString(), "--version")
            .redirectErrorStream(true);
    builder.environment().remove("SPARK_HOME");
    Process process = builder.start();
    String output = new String(process.getInputStream().readAllBytes(), UTF_8);
    assertThat(process.waitFor()).as(output).isZero();
    assertThat(output).contains("version 4.1");
  }

  private Path jarOfTheProgram() throws IOException {
    Path jar = folder.resolve("program.jar");
    try (UserJar content = new UserJar(jar)) {
      content.add(LanguageModelPipeline.class);
    }
    return jar;
  }

  @Test
  void theManualShowsThisProgram() throws IOException {
    String source = Files.readString(SOURCE);
    String body = source.substring(source.indexOf("    SparkSession spark"));
    body = body.substring(0, body.indexOf("\n  }\n"));
    assertThat(Files.readString(PAGE)).contains(body.stripIndent());
  }
}
