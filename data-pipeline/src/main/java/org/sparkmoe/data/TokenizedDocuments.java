package org.sparkmoe.data;

import java.util.Iterator;
import org.apache.spark.TaskContext;
import org.jspecify.annotations.Nullable;

/**
 * The tokens of each document of a partition: end-of-text, the prompt as {@linkplain ContextToken
 * context}, the text. Prompt and text are tokenized apart, as they are when a model answers.
 */
final class TokenizedDocuments implements Iterator<int[]> {
  private final Iterator<Document> documents;
  private final Tokenizer tokenizer;

  /** Opens a tokenizer that is closed when the Spark task ends, if there is one. */
  TokenizedDocuments(Iterator<Document> documents, TokenizerSpec spec) {
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
    Document document = documents.next();
    int[] prompt = document.prompt().isEmpty() ? new int[0] : tokenizer.encode(document.prompt());
    int[] text = tokenizer.encode(document.text());
    int[] tokens = new int[1 + prompt.length + text.length];
    // It ends the document before, which a model is to learn: a target, whatever follows.
    tokens[0] = tokenizer.endOfText();
    for (int i = 0; i < prompt.length; i++) {
      tokens[1 + i] = ContextToken.entry(prompt[i]);
    }
    System.arraycopy(text, 0, tokens, 1 + prompt.length, text.length);
    return tokens;
  }
}
