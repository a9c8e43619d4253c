package org.sparkmoe.data;

import java.util.Iterator;
import org.apache.spark.TaskContext;
import org.jspecify.annotations.Nullable;

/** The tokens of each document of a partition, with end-of-text in front. */
final class TokenizedDocuments implements Iterator<int[]> {
  private final Iterator<String> documents;
  private final Tokenizer tokenizer;

  /** Opens a tokenizer that is closed when the Spark task ends, if there is one. */
  TokenizedDocuments(Iterator<String> documents, TokenizerSpec spec) {
    this.documents = documents;
    this.tokenizer = spec.open();
    @Nullable TaskContext task = TaskContext.get();
    if (task != null) {
      task.addTaskCompletionListener((TaskContext ended) -> tokenizer.close());
    }
  }

  @Override
  public boolean hasNext() {
    return documents.hasNext();
  }

  @Override
  public int[] next() {
    int[] text = tokenizer.encode(documents.next());
    int[] tokens = new int[text.length + 1];
    tokens[0] = tokenizer.endOfText();
    System.arraycopy(text, 0, tokens, 1, text.length);
    return tokens;
  }
}
