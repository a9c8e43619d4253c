package org.sparkmoe.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/** Several sources with mixing weights; what is of which source is told by its letters. */
@ExtendWith(SparkFixture.class)
class SourcesTest {
  private static final int BATCH = 8;
  private static final Sharding.RankGrid ONE = new Sharding.RankGrid(1, 1, 1);

  @TempDir Path directory;

  @Test
  void sourcesAreMixedByWeightAndTheSmallOneIsRepeated(SparkSession spark) throws IOException {
    try (PreparedData data = DataPipeline.prepare(spark, config(3, 1))) {
      List<TokenSequence> order = shard(data, Long.MAX_VALUE, ONE).get(0);
      List<Character> letters = order.stream().map(SourcesTest::letter).toList();
      for (int batch = 0; batch + BATCH <= letters.size(); batch += BATCH) {
        assertThat(letters.subList(batch, batch + BATCH))
            .filteredOn(letter -> letter == 'a')
            .as("of source a in batch %d", batch / BATCH)
            .hasSize(BATCH * 3 / 4);
      }
      long ofSmall = data.counts().sources().get(0).train().sequences();
      long distinct =
          order.stream()
              .filter(sequence -> letter(sequence) == 'a')
              .map(sequence -> Arrays.toString(sequence.tokens()))
              .distinct()
              .count();
      assertThat(distinct).isEqualTo(ofSmall).isLessThan(order.size() / 4);
      assertThat(data.drawn(order.size()))
          .containsExactly(
              Map.entry("small", order.size() * 3L / 4), Map.entry("wide", order.size() / 4L));
    }
  }

  @Test
  void everyLayoutGetsTheSameGlobalBatches(SparkSession spark) throws IOException {
    try (PreparedData data = DataPipeline.prepare(spark, config(1, 2))) {
      List<TokenSequence> reference = shard(data, 5, ONE).get(0);
      assertThat(reference).hasSize(5 * BATCH);
      for (int dp : new int[] {2, 4, 8}) {
        List<List<TokenSequence>> ranks = shard(data, 5, new Sharding.RankGrid(1, dp, 1));
        List<TokenSequence> joined = new ArrayList<>();
        for (int batch = 0; batch < 5; batch++) {
          for (List<TokenSequence> rank : ranks) {
            joined.addAll(rank.subList(batch * BATCH / dp, (batch + 1) * BATCH / dp));
          }
        }
        assertThat(joined).isEqualTo(reference);
      }
    }
  }

  @Test
  void aLongerTrainingBeginsWithTheSameBatches(SparkSession spark) throws IOException {
    try (PreparedData data = DataPipeline.prepare(spark, config(3, 1))) {
      List<TokenSequence> four = shard(data, 4, ONE).get(0);
      List<TokenSequence> nine = shard(data, 9, ONE).get(0);
      assertThat(nine.subList(0, four.size())).isEqualTo(four);
    }
  }

  @Test
  void sourcesHaveColumnsAndFormatsOfTheirOwn(SparkSession spark) throws IOException {
    Path json = directory.resolve("answers.jsonl");
    List<String> rows =
        IntStream.range(0, 60)
            .mapToObj(i -> "{\"q\": \"ask %d \", \"a\": \"bb b%d b\"}".formatted(i, i))
            .toList();
    Files.write(json, rows);
    DataConfig config =
        config(
            Map.of(
                "plain", source(texts("plain.txt", 'a', 60), 1, "lines", null, null),
                "questions", source(json, 1, null, "a", "q")));
    try (PreparedData data = DataPipeline.prepare(spark, config)) {
      assertThat(data.counts().sources())
          .extracting(DataCounts.Source::name)
          .containsExactly("plain", "questions");
      assertThat(data.counts().sources().get(0).train().promptTokens()).isZero();
      assertThat(data.counts().sources().get(1).train().promptTokens()).isPositive();
      assertThat(data.counts().describe())
          .contains("source plain: 50.0 % of training; 60 documents read", "source questions: ");
    }
  }

  @Test
  void preparedDataKeepTheirSources(SparkSession spark) throws IOException {
    Path prepared = directory.resolve("prepared");
    DataConfig config = config(3, 1);
    try (PreparedData data = DataPipeline.prepare(spark, config)) {
      data.write(spark, prepared.toString(), config);
      PreparedData again = DataPipeline.prepare(spark, Corpus.config(prepared, "prepared"));
      assertThat(again.counts()).isEqualTo(data.counts());
      assertThat(shard(again, 3, ONE)).isEqualTo(shard(data, 3, ONE));
    }
  }

  @Test
  void validationHasEachSequenceOfAllSourcesOnce(SparkSession spark) throws IOException {
    try (PreparedData data = DataPipeline.prepare(spark, config(9, 1))) {
      Map<Character, Long> found = new HashMap<>();
      for (Row row : data.validation().collectAsList()) {
        found.merge(letter(PreparedData.tokens(row, 1)), 1L, Long::sum);
      }
      List<DataCounts.Source> sources = data.counts().sources();
      assertThat(found)
          .containsEntry('a', sources.get(0).validation().sequences())
          .containsEntry('b', sources.get(1).validation().sequences());
    }
  }

  @Test
  void aSourceThatCannotBeReadIsNamed(SparkSession spark) throws IOException {
    Path there = texts("there.txt", 'a', 40);
    DataConfig missing =
        config(
            Map.of(
                "good", source(there, 1, "lines", null, null),
                "bad", source(directory.resolve("none"), 1, "lines", null, null)));
    assertThatThrownBy(() -> DataPipeline.prepare(spark, missing))
        .isInstanceOf(DataException.class)
        .hasMessageContaining("data.sources.bad.paths: ")
        .hasMessageContaining("holds no files");
    Path blank = Files.write(directory.resolve("blank.txt"), List.of(" "));
    DataConfig empty =
        config(
            Map.of(
                "good", source(there, 1, "lines", null, null),
                "void", source(blank, 1, "lines", null, null)));
    assertThatThrownBy(() -> DataPipeline.prepare(spark, empty))
        .isInstanceOf(DataException.class)
        .hasMessageContaining("source void [")
        .hasMessageContaining("none has text");
  }

  @Test
  void invalidSourcesAreRefusedAllAtOnce() {
    Map<String, DataSource> sources =
        Map.of(
            "zero", new DataSource(List.of("x"), 0, null, null, null),
            "nan", new DataSource(List.of("x"), Double.NaN, null, null, null),
            "less", new DataSource(List.of(), -1, null, null, null),
            "prepared", new DataSource(List.of("x"), 1, "prepared", null, null),
            "columns", new DataSource(List.of("x"), 1, "lines", null, "prompt"));
    assertThatThrownBy(() -> config(sources))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("data.sources.zero.weight is \"0.0\", must be above 0")
        .hasMessageContaining("data.sources.nan.weight is \"NaN\"")
        .hasMessageContaining("data.sources.less.weight is \"-1.0\"")
        .hasMessageContaining("data.sources.less.paths is \"[]\", must be at least one file")
        .hasMessageContaining("data.sources.prepared.format is \"prepared\", must be one of [auto")
        .hasMessageContaining(
            "data.sources.columns.prompt-column is \"prompt\", must be empty when"
                + " data.sources.columns.format is lines");
    assertThatThrownBy(
            () ->
                config(
                    List.of("also"),
                    Map.of("one", new DataSource(List.of("x"), 1, null, null, null))))
        .hasMessageContaining("data.paths is \"[also]\", must be [] when there are data.sources");
  }

  private DataConfig config(double small, double wide) throws IOException {
    return config(
        Map.of(
            "small", source(texts("small.txt", 'a', 30), small, "lines", null, null),
            "wide", source(texts("wide.txt", 'b', 200), wide, "lines", null, null)));
  }

  private static DataConfig config(Map<String, DataSource> sources) {
    return config(List.of(), sources);
  }

  private static DataConfig config(List<String> paths, Map<String, DataSource> sources) {
    return new DataConfig(
        paths, "auto", "text", "", sources, "byte", 16, 0.2, 3, 1 << 20, "target", 0);
  }

  private static DataSource source(
      Path path,
      double weight,
      @Nullable String format,
      @Nullable String textColumn,
      @Nullable String promptColumn) {
    return new DataSource(List.of(path.toString()), weight, format, textColumn, promptColumn);
  }

  /** Lines of words of one letter and a number that is nowhere else. */
  private Path texts(String file, char letter, int lines) throws IOException {
    List<String> texts = IntStream.range(0, lines).mapToObj(i -> text(letter, i)).toList();
    return Files.write(directory.resolve(file), texts);
  }

  private static String text(char letter, int line) {
    return IntStream.range(0, 5 + line % 7)
        .mapToObj(word -> letter + "" + (line * 12 + word))
        .collect(Collectors.joining(" "));
  }

  private static char letter(TokenSequence sequence) {
    return letter(sequence.tokens());
  }

  private static char letter(int[] tokens) {
    return IntStream.of(tokens).anyMatch(token -> token == 'a') ? 'a' : 'b';
  }

  private static List<List<TokenSequence>> shard(
      PreparedData data, long mostBatches, Sharding.RankGrid grid) {
    return Arrays.stream(
            Sharding.shard(data, 5, BATCH, mostBatches, grid)
                .collectPartitions(IntStream.range(0, grid.ranks()).toArray()))
        .toList();
  }
}
