package org.sparkmoe.ml;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.Objects;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.Path;
import org.apache.spark.TaskContext;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.jspecify.annotations.Nullable;
import org.sparkmoe.runtime.InferenceModel;
import org.sparkmoe.train.PromptedText;
import org.sparkmoe.train.TextScore;

/** Rows with the columns of the model; takes a batch of rows at a time. */
final class ScoredRows implements Iterator<Row> {
  private final Iterator<Row> rows;
  private final ScoringColumns columns;
  private final Path directory;
  private final Configuration hadoop;
  private final ArrayDeque<Row> scored = new ArrayDeque<>();
  private @Nullable InferenceModel model;

  ScoredRows(Iterator<Row> rows, ScoringColumns columns, Path directory, Configuration hadoop) {
    this.rows = rows;
    this.columns = columns;
    this.directory = directory;
    this.hadoop = hadoop;
  }

  @Override
  public boolean hasNext() {
    return !scored.isEmpty() || rows.hasNext();
  }

  @Override
  public Row next() {
    if (!hasNext()) {
      throw new NoSuchElementException("no more rows in this partition");
    }
    if (scored.isEmpty()) {
      scoreBatch();
    }
    return scored.remove();
  }

  private void scoreBatch() {
    List<Row> batch = new ArrayList<>();
    while (batch.size() < columns.batch() && rows.hasNext()) {
      batch.add(rows.next());
    }
    List<PromptedText> texts = batch.stream().map(this::text).filter(Objects::nonNull).toList();
    Iterator<TextScore> scores =
        columns.scores()
            ? model().score(texts, columns.batch()).iterator()
            : List.<TextScore>of().iterator();
    for (Row row : batch) {
      @Nullable PromptedText text = text(row);
      @Nullable TextScore score = text != null && columns.scores() ? scores.next() : null;
      scored.add(extended(row, text, score));
    }
  }

  /** Null where the text is. */
  private @Nullable PromptedText text(Row row) {
    @Nullable String text = row.getAs(columns.input());
    @Nullable String prompt = columns.prompt().isEmpty() ? null : row.getAs(columns.prompt());
    return text == null ? null : new PromptedText(prompt == null ? "" : prompt, text);
  }

  private Row extended(Row row, @Nullable PromptedText text, @Nullable TextScore score) {
    int width = row.size();
    @Nullable Object[] values = new Object[width + columns.outputs().size()];
    for (int i = 0; i < width; i++) {
      values[i] = row.get(i);
    }
    for (int i = 0; i < columns.outputs().size(); i++) {
      values[width + i] = text == null ? null : value(columns.outputs().get(i), text, score);
    }
    return RowFactory.create(values);
  }

  private @Nullable Object value(
      ScoringColumns.Output output, PromptedText text, @Nullable TextScore score) {
    if (output.content() == ScoringColumns.Content.GENERATED) {
      return model().generate(text.prompt() + text.text(), columns.generation().config());
    }
    if (score == null) {
      return null;
    }
    return switch (output.content()) {
      case LOG_LIKELIHOOD -> score.logLikelihood();
      case TOKEN_COUNT -> score.tokens();
      case PERPLEXITY -> score.tokens() == 0 ? null : score.perplexity();
      case GENERATED -> throw new AssertionError("generated above");
    };
  }

  /** Loaded with the first batch, and freed when the task ends. */
  private InferenceModel model() {
    if (model == null) {
      InferenceModel loaded = load();
      @Nullable TaskContext task = TaskContext.get();
      if (task != null) {
        task.addTaskCompletionListener((TaskContext ended) -> loaded.close());
      }
      model = loaded;
    }
    return model;
  }

  private InferenceModel load() {
    try {
      return InferenceModel.load(directory, hadoop);
    } catch (IOException e) {
      throw new UncheckedIOException("the model in %s cannot be loaded".formatted(directory), e);
    }
  }
}
