package org.sparkmoe.data;

import org.apache.spark.sql.Row;

/**
 * A normalised document.
 *
 * @param prompt what stands before the text and is context only; empty if there is none
 * @param text what a model learns to write
 */
record Document(String prompt, String text) {

  /** Of the columns prompt and text. */
  static Document of(Row row) {
    return new Document(row.getString(0), row.getString(1));
  }
}
