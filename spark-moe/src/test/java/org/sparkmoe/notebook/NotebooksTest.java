package org.sparkmoe.notebook;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.sparkmoe.runtime.SparkFixture;

/** Every cell of every notebook runs, with the sizes of a test. */
@ExtendWith(SparkFixture.class)
class NotebooksTest {
  private static final Map<String, String> SIZES =
      Map.of(
          "moe.home", "..",
          "moe.steps", "2",
          "moe.layers", "1",
          "moe.gates", "mixtral",
          "moe.text", "spark-moe/src/main/java/org/sparkmoe/moe");

  private final SparkSession spark;

  NotebooksTest(SparkSession spark) {
    this.spark = spark;
  }

  @BeforeAll
  static void setSizes() {
    SIZES.forEach(System::setProperty);
  }

  @AfterAll
  static void clearSizes() {
    SIZES.keySet().forEach(System::clearProperty);
  }

  static Stream<Notebook> jupyter() throws IOException {
    return Notebook.in("jupyter");
  }

  static Stream<Notebook> zeppelin() throws IOException {
    return Notebook.in("zeppelin");
  }

  @ParameterizedTest
  @MethodSource("jupyter")
  void javaCellsRunAndShowPictures(Notebook notebook) {
    List<String> source = notebook.cells();
    try (JavaCells cells = new JavaCells(source.get(0))) {
      source.subList(1, source.size()).forEach(cells::run);
      assertThat(cells.pictures()).isPositive();
    }
  }

  @ParameterizedTest
  @MethodSource("zeppelin")
  void scalaCellsRunAndShowPictures(Notebook notebook) {
    try (ScalaCells cells = new ScalaCells(spark)) {
      notebook.cells().forEach(cells::run);
      assertThat(cells.pictures()).isPositive();
    }
  }

  @Test
  void theManualsLinesForSparkShellRun() throws IOException {
    String manual = Files.readString(Path.of("..", "docs", "manual", "ml-pipeline.md"));
    String lines = manual.replaceFirst("(?s).*```scala\n(.*?)```.*", "$1");
    assertThat(lines).contains("setSteps(20)", "\"spark-moe/src/main/java\"");
    try (ScalaCells cells = new ScalaCells(spark)) {
      cells.run(
          lines
              .replace("setSteps(20)", "setSteps(1).setShowProgress(false)")
              .replace("spark-moe/src/main/java", "src/main/java/org/sparkmoe/moe"));
    }
  }

  @Test
  void notebooksAreStoredWithoutOutputs() throws IOException {
    assertThat(Stream.concat(jupyter(), zeppelin()))
        .hasSize(8)
        .allSatisfy(notebook -> assertThat(notebook.outputs()).isZero());
  }
}
