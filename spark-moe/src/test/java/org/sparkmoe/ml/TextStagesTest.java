package org.sparkmoe.ml;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.sparkmoe.runtime.SparkFixture;

@ExtendWith(SparkFixture.class)
class TextStagesTest {
  private final SparkSession spark;

  TextStagesTest(SparkSession spark) {
    this.spark = spark;
  }

  @ParameterizedTest
  @ValueSource(strings = {"text", "doc.text", "a`b", "two words"})
  void columnsOfEveryNameAreNormalizedAndKeptOnce(String column) {
    StructType schema = new StructType().add(column, DataTypes.StringType);
    Dataset<Row> texts =
        spark.createDataFrame(
            List.of(
                RowFactory.create("e\u0301\r\n"),
                RowFactory.create("é\n"),
                RowFactory.create("other"),
                RowFactory.create((Object) null)),
            schema);
    Dataset<Row> normalized =
        new TextNormalizer().setInputCol(column).setOutputCol("n." + column).transform(texts);
    Dataset<Row> kept = new ExactDeduplicator().setInputCol("n." + column).transform(normalized);
    assertThat(kept.collectAsList().stream().map(row -> row.getString(1)))
        .containsExactlyInAnyOrder("é\n", "other");
  }
}
