package org.sparkmoe.schedule.reproduce;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/** A table in Markdown; the first column is text, the others are figures. */
final class MarkdownTable {
  private final List<String> lines = new ArrayList<>();

  MarkdownTable(String first, String... figures) {
    List<Object> names = new ArrayList<>(List.of(first));
    names.addAll(List.of(figures));
    row(names.toArray());
    List<Object> rule = new ArrayList<>(List.of("---"));
    rule.addAll(Collections.nCopies(figures.length, "---:"));
    row(rule.toArray());
  }

  /** Adds a row; doubles get three decimals. */
  MarkdownTable row(Object... cells) {
    List<String> texts = new ArrayList<>();
    for (Object cell : cells) {
      texts.add(cell instanceof Double figure ? "%.3f".formatted(figure) : cell.toString());
    }
    lines.add("| " + String.join(" | ", texts) + " |");
    return this;
  }

  @Override
  public String toString() {
    return String.join("\n", lines) + "\n";
  }
}
