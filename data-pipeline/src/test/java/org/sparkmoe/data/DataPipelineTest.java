package org.sparkmoe.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

@ExtendWith(SparkFixture.class)
class DataPipelineTest {
  @TempDir Path directory;

  @Test
  void countsWhatItReadDroppedAndMade(SparkSession spark) throws IOException {
    List<String> lines = Corpus.documents(100);
    lines.add(lines.get(0));
    lines.add(lines.get(1) + "\u0007");
    lines.add("   ");
    Path file = Corpus.linesFile(directory, lines);
    try (PreparedData data = DataPipeline.prepare(spark, Corpus.config(file, "lines"))) {
      DataCounts counts = data.counts();
      assertThat(counts.read()).isEqualTo(103);
      assertThat(counts.empty()).isEqualTo(1);
      assertThat(counts.duplicates()).isEqualTo(2);
      assertThat(counts.overLimit()).isZero();
      assertThat(counts.documents()).isEqualTo(100);
      assertThat(counts.validation().documents()).isBetween(8L, 35L);
      for (DataCounts.Split split : List.of(counts.train(), counts.validation())) {
        assertThat(split.tokens()).isEqualTo(split.bytes() + split.documents());
        assertThat(split.sequences()).isEqualTo((split.tokens() - 1) / 16);
      }
      assertThat(counts.trigramBitsPerByte()).isBetween(0.5, 4.0);
      assertThat(counts.describe()).contains("103 read", "2 duplicates", "bits per byte");
    }
  }

  @Test
  void rowsAreTheStreamOfDocumentsCutWithAnOverlapOfOneToken(SparkSession spark)
      throws IOException {
    List<String> lines = Corpus.documents(80);
    Path file = Corpus.linesFile(directory, lines);
    try (PreparedData data = DataPipeline.prepare(spark, Corpus.config(file, "lines"))) {
      Set<String> found = Collections.newSetFromMap(new TreeMap<>());
      for (Dataset<Row> side : List.of(data.train(), data.validation())) {
        List<Integer> stream = stream(rows(side));
        assertThat(stream.get(0)).isEqualTo(256);
        String text =
            stream.stream()
                .map(t -> t == 256 ? "\n" : Character.toString(t))
                .collect(Collectors.joining());
        List<String> documents = new ArrayList<>(List.of(text.substring(1).split("\n")));
        documents.remove(documents.size() - 1);
        found.addAll(documents);
      }
      List<String> asBytes =
          lines.stream()
              .map(
                  line -> {
                    StringBuilder text = new StringBuilder();
                    for (int token : new ByteTokenizer().encode(line)) {
                      text.append((char) token);
                    }
                    return text.toString();
                  })
              .toList();
      assertThat(asBytes).containsAll(found);
      assertThat(found).hasSizeGreaterThanOrEqualTo(76);
    }
  }

  @Test
  void sequencesDoNotDependOnHowTheInputIsPartitioned(SparkSession spark) {
    Dataset<String> documents = spark.createDataset(Corpus.documents(120), Encoders.STRING());
    Path one = directory.resolve("one");
    Path seven = directory.resolve("seven");
    documents.coalesce(1).toDF("text").write().parquet(one.toString());
    documents.repartition(7).toDF("text").write().parquet(seven.toString());
    try (PreparedData a = DataPipeline.prepare(spark, Corpus.config(one, "parquet"));
        PreparedData b = DataPipeline.prepare(spark, Corpus.config(seven, "auto"))) {
      assertThat(rows(b.train())).isEqualTo(rows(a.train())).isNotEmpty();
      assertThat(rows(b.validation())).isEqualTo(rows(a.validation())).isNotEmpty();
      assertThat(b.counts()).isEqualTo(a.counts());
    }
  }

  @Test
  void takesTheFirstDocumentsByHashUpToTheLimit(SparkSession spark) throws IOException {
    Path file = Corpus.linesFile(directory, Corpus.documents(60));
    DataConfig config = Corpus.config(file, "lines", "byte", 40);
    try (PreparedData data = DataPipeline.prepare(spark, config)) {
      assertThat(data.counts().documents()).isEqualTo(40);
      assertThat(data.counts().overLimit()).isEqualTo(20);
    }
  }

  @Test
  void preparedDataReadsBackAsItWasWritten(SparkSession spark) throws IOException {
    Path file = Corpus.linesFile(directory, Corpus.documents(60));
    Path prepared = directory.resolve("prepared");
    DataConfig config = Corpus.config(file, "lines");
    try (PreparedData data = DataPipeline.prepare(spark, config)) {
      data.write(spark, prepared.toString(), config);
      PreparedData again = DataPipeline.prepare(spark, Corpus.config(prepared, "prepared"));
      assertThat(rows(again.train())).isEqualTo(rows(data.train()));
      assertThat(rows(again.validation())).isEqualTo(rows(data.validation()));
      assertThat(again.counts()).isEqualTo(data.counts());
      assertThatThrownBy(() -> data.write(spark, prepared.toString(), config))
          .isInstanceOf(DataException.class)
          .hasMessageContaining("must be a new directory");
    }
    DataConfig gpt2 = Corpus.config(prepared, "prepared", "gpt2", 0);
    assertThatThrownBy(() -> DataPipeline.prepare(spark, gpt2))
        .isInstanceOf(DataException.class)
        .hasMessageContaining("data.tokenizer is \"gpt2\", must be the byte tokenizer");
  }

  @Test
  void bytePairTokensAreFewerThanBytes(SparkSession spark) throws IOException {
    Path file = Corpus.linesFile(directory, Corpus.documents(60));
    DataConfig config = Corpus.config(file, "lines", "gpt2", 0);
    try (PreparedData data = DataPipeline.prepare(spark, config)) {
      DataCounts.Split train = data.counts().train();
      assertThat(train.tokens()).isLessThan(train.bytes() / 2);
      assertThat(train.bitsPerByte(Math.log(2)))
          .isCloseTo((double) train.tokens() / train.bytes(), within(1e-12));
    }
  }

  @Test
  void refusesDataWithoutText(SparkSession spark) throws IOException {
    Path file = Files.write(directory.resolve("blank.txt"), List.of("  ", "\t"));
    assertThatThrownBy(() -> DataPipeline.prepare(spark, Corpus.config(file, "lines")))
        .isInstanceOf(DataException.class)
        .hasMessageContaining("gave 2 documents and none has text");
  }

  @Test
  void refusesASplitWithoutDocuments(SparkSession spark) throws IOException {
    Path file = Files.write(directory.resolve("one.txt"), List.of("the only document there is"));
    assertThatThrownBy(() -> DataPipeline.prepare(spark, Corpus.config(file, "lines")))
        .isInstanceOf(DataException.class)
        .hasMessageContaining("gets 0 documents")
        .hasMessageContaining("data.validation-fraction");
  }

  @Test
  void aDatasetGivesTheSameSequencesAsAFileOfItsText(SparkSession spark) throws IOException {
    List<String> lines = Corpus.documents(80);
    Path file = Corpus.linesFile(directory, lines);
    Dataset<Row> dataset = spark.createDataset(lines, Encoders.STRING()).toDF("text");
    DataConfig config = Corpus.config(file, "dataset");
    try (PreparedData fromFile = DataPipeline.prepare(spark, Corpus.config(file, "lines"));
        PreparedData fromRows = DataPipeline.prepare(dataset, config)) {
      assertThat(rows(fromRows.train())).isEqualTo(rows(fromFile.train()));
      assertThat(fromRows.counts()).isEqualTo(fromFile.counts());
    }
    assertThatThrownBy(() -> DataPipeline.prepare(dataset.toDF("other"), config))
        .isInstanceOf(DataException.class)
        .hasMessageContaining("data.text-column is \"text\", must be one of the columns of the");
    assertThatThrownBy(() -> DataPipeline.prepare(spark, config))
        .isInstanceOf(DataException.class)
        .hasMessageContaining("data.format is dataset");
  }

  private static List<List<Integer>> rows(Dataset<Row> side) {
    return side.orderBy("sequence").collectAsList().stream()
        .map(row -> List.copyOf(row.<Integer>getList(1)))
        .toList();
  }

  private static List<Integer> stream(List<List<Integer>> rows) {
    List<Integer> stream = new ArrayList<>(rows.get(0));
    for (List<Integer> row : rows.subList(1, rows.size())) {
      assertThat(row).hasSize(17);
      assertThat(row.get(0)).isEqualTo(stream.get(stream.size() - 1));
      stream.addAll(row.subList(1, row.size()));
    }
    return stream;
  }
}
