package org.sparkmoe.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

@ExtendWith(SparkFixture.class)
class PromptsTest {
  private static final StructType SCHEMA =
      new StructType().add("prompt", DataTypes.StringType).add("text", DataTypes.StringType);

  @TempDir Path directory;

  @Test
  void promptsAreContextAndTextsAreTargets(SparkSession spark) {
    Dataset<Row> rows = dataset(spark, pairs(60));
    try (PreparedData data = DataPipeline.prepare(rows, config("prompt"))) {
      Set<String> found = new TreeSet<>();
      for (Dataset<Row> side : List.of(data.train(), data.validation())) {
        found.addAll(documents(side));
      }
      Set<String> written = new TreeSet<>();
      pairs(60).forEach(pair -> written.add(pair.getString(0) + "|" + pair.getString(1)));
      assertThat(written).containsAll(found);
      assertThat(found).hasSizeGreaterThan(50);
    }
  }

  @Test
  void countsTellPromptsApart(SparkSession spark) {
    Dataset<Row> rows = dataset(spark, pairs(60));
    try (PreparedData data = DataPipeline.prepare(rows, config("prompt"))) {
      DataCounts counts = data.counts();
      long prompts =
          pairs(60).stream()
              .mapToLong(pair -> pair.getString(0).getBytes(StandardCharsets.UTF_8).length)
              .sum();
      assertThat(counts.train().promptBytes() + counts.validation().promptBytes())
          .isEqualTo(prompts);
      for (DataCounts.Split split : List.of(counts.train(), counts.validation())) {
        assertThat(split.promptTokens()).isEqualTo(split.promptBytes());
        assertThat(split.tokens()).isEqualTo(split.bytes() + split.documents());
        double textBytes = split.bytes() - split.promptBytes();
        assertThat(split.bitsPerByte(Math.log(2)))
            .isCloseTo((textBytes + split.documents()) / textBytes, within(1e-12));
      }
      assertThat(counts.describe()).contains("tokens of prompts without loss");
    }
  }

  @Test
  void rowsWithoutPromptAreAsWithoutTheColumn(SparkSession spark) {
    List<Row> without = new ArrayList<>();
    for (String text : Corpus.documents(60)) {
      without.add(row(without.size() % 2 == 0 ? null : "", text));
    }
    Dataset<Row> rows = dataset(spark, without);
    try (PreparedData with = DataPipeline.prepare(rows, config("prompt"));
        PreparedData plain = DataPipeline.prepare(rows, config(""))) {
      assertThat(tokens(with.train())).isEqualTo(tokens(plain.train()));
      assertThat(with.counts()).isEqualTo(plain.counts());
    }
  }

  @Test
  void theSameTextAfterAnotherPromptIsAnotherDocument(SparkSession spark) {
    List<Row> rows = new ArrayList<>();
    for (int i = 0; i < 40; i++) {
      rows.add(row("question %d: ".formatted(i % 20), "yes, and no, and yes again"));
    }
    try (PreparedData data = DataPipeline.prepare(dataset(spark, rows), config("prompt"))) {
      assertThat(data.counts().duplicates()).isEqualTo(20);
      assertThat(data.counts().documents()).isEqualTo(20);
    }
  }

  @Test
  void marksSurviveParquetAndSharding(SparkSession spark) {
    Path prepared = directory.resolve("prepared");
    DataConfig config = Corpus.withPrompts(prepared, "prepared", "prompt");
    try (PreparedData data = DataPipeline.prepare(dataset(spark, pairs(60)), config("prompt"))) {
      data.write(spark, prepared.toString(), config);
      PreparedData again = DataPipeline.prepare(spark, config);
      assertThat(tokens(again.train())).isEqualTo(tokens(data.train()));
      assertThat(again.counts()).isEqualTo(data.counts());
      List<TokenSequence> shard =
          Sharding.shard(again.train(), 1, 4, new Sharding.RankGrid(1, 1, 1)).collect();
      List<List<Integer>> sharded = new ArrayList<>();
      shard.forEach(sequence -> sharded.add(boxed(sequence.tokens())));
      assertThat(tokens(data.train())).containsAll(sharded);
      assertThat(sharded).anyMatch(row -> row.stream().anyMatch(entry -> entry < 0));
    }
  }

  @Test
  void preparedDataOfBeforeThereWerePromptsStillReads(SparkSession spark) throws IOException {
    Path file = Corpus.linesFile(directory, Corpus.documents(60));
    Path prepared = directory.resolve("prepared");
    try (PreparedData data = DataPipeline.prepare(spark, Corpus.config(file, "lines"))) {
      data.write(spark, prepared.toString(), Corpus.config(file, "lines"));
      Path manifest = prepared.resolve("manifest.json");
      ObjectNode json = (ObjectNode) new ObjectMapper().readTree(Files.readString(manifest));
      for (String side : List.of("train", "validation")) {
        ((ObjectNode) json.path("counts").path(side))
            .remove(List.of("promptBytes", "promptTokens"));
      }
      Files.delete(prepared.resolve(".manifest.json.crc"));
      Files.writeString(manifest, json.toString());
      PreparedData old = DataPipeline.prepare(spark, Corpus.config(prepared, "prepared"));
      assertThat(old.counts()).isEqualTo(data.counts());
    }
  }

  @Test
  void refusesPromptsWhereThereAreNoColumns(SparkSession spark) throws IOException {
    assertThatThrownBy(() -> Corpus.withPrompts(directory, "lines", "prompt"))
        .hasMessage("data.prompt-column is \"prompt\", must be empty when data.format is lines");
    assertThatThrownBy(() -> config("text")).hasMessageContaining("another column than");
    Path file = Corpus.linesFile(directory, Corpus.documents(3));
    assertThatThrownBy(
            () -> DataPipeline.prepare(spark, Corpus.withPrompts(file, "auto", "prompt")))
        .isInstanceOf(DataException.class)
        .hasMessageContaining("files of the format text have no columns");
    Dataset<Row> texts = spark.createDataset(Corpus.documents(3), Encoders.STRING()).toDF("text");
    assertThatThrownBy(() -> DataPipeline.prepare(texts, config("prompt")))
        .isInstanceOf(DataException.class)
        .hasMessageContaining("data.prompt-column is \"prompt\", must be one of the columns");
  }

  private DataConfig config(String promptColumn) {
    return Corpus.withPrompts(directory, "dataset", promptColumn);
  }

  private static Dataset<Row> dataset(SparkSession spark, List<Row> rows) {
    return spark.createDataFrame(rows, SCHEMA).repartition(3);
  }

  private static List<Row> pairs(int count) {
    List<Row> rows = new ArrayList<>();
    for (String text : Corpus.documents(count)) {
      rows.add(row("Say number %d:\n".formatted(rows.size()), text));
    }
    return rows;
  }

  private static Row row(@Nullable String prompt, String text) {
    return RowFactory.create(prompt, text);
  }

  /** Each whole document of the stream as prompt, a bar, text. */
  private static List<String> documents(Dataset<Row> side) {
    List<String> documents = new ArrayList<>();
    List<Integer> prompt = new ArrayList<>();
    List<Integer> text = new ArrayList<>();
    for (List<Integer> row : tokens(side)) {
      for (int entry : row.subList(0, 16)) {
        if (entry == 256 && !text.isEmpty()) {
          documents.add(decode(prompt) + "|" + decode(text));
          prompt.clear();
          text.clear();
        } else if (entry < 0) {
          assertThat(text).isEmpty();
          prompt.add(ContextToken.token(entry));
        } else if (entry != 256) {
          text.add(entry);
        }
      }
    }
    return documents;
  }

  private static String decode(List<Integer> tokens) {
    return new ByteTokenizer().decode(tokens.stream().mapToInt(Integer::intValue).toArray());
  }

  private static List<List<Integer>> tokens(Dataset<Row> side) {
    return side.orderBy("sequence").collectAsList().stream()
        .map(row -> List.copyOf(row.<Integer>getList(1)))
        .toList();
  }

  private static List<Integer> boxed(int[] tokens) {
    List<Integer> list = new ArrayList<>();
    for (int token : tokens) {
      list.add(token);
    }
    return list;
  }
}
