package org.sparkmoe.notebook;

import java.util.List;
import jdk.jshell.EvalException;
import jdk.jshell.JShell;
import jdk.jshell.Snippet;
import jdk.jshell.SnippetEvent;
import jdk.jshell.SourceCodeAnalysis.Completeness;
import jdk.jshell.SourceCodeAnalysis.CompletionInfo;
import org.jspecify.annotations.Nullable;

/** Runs cells as Java kernels do: by JShell, in this JVM. */
final class JavaCells implements AutoCloseable {
  /** What kernels add to JShell. */
  private static final String DISPLAY =
      """
      java.util.List<String> displayed = new java.util.ArrayList<>();
      String display(Object shown, String... as) {
        displayed.add(String.valueOf(shown));
        return "";
      }
      """;

  private final ClassLoader loader = Thread.currentThread().getContextClassLoader();
  private final JShell shell = JShell.builder().executionEngine("local").build();

  /** Runs the cell with the imports, after each of which JShell may clear variables. */
  JavaCells(String imports) {
    shell.addToClasspath(System.getProperty("java.class.path"));
    run(imports);
    run(DISPLAY);
  }

  /**
   * Runs a cell.
   *
   * @throws AssertionError if it does not compile, or throws
   */
  void run(String cell) {
    String rest = cell;
    while (!rest.isBlank()) {
      CompletionInfo next = shell.sourceCodeAnalysis().analyzeCompletion(rest);
      if (next.completeness() == Completeness.DEFINITELY_INCOMPLETE) {
        throw new AssertionError("cell ends too early: " + rest);
      }
      shell.eval(next.source()).forEach(this::check);
      rest = next.remaining();
    }
  }

  private void check(SnippetEvent event) {
    Snippet snippet = event.snippet();
    if (event.status() != Snippet.Status.VALID) {
      List<String> messages = shell.diagnostics(snippet).map(d -> d.getMessage(null)).toList();
      throw new AssertionError(snippet.source() + "\n" + messages);
    }
    @Nullable Throwable thrown = event.exception();
    if (thrown != null) {
      String what = thrown instanceof EvalException e ? e.getExceptionClassName() : "";
      throw new AssertionError(snippet.source() + "\nthrew " + what, thrown);
    }
  }

  /** How many pictures the cells have shown. */
  int pictures() {
    String count = "(int) displayed.stream().filter(shown -> shown.contains(\"<svg\")).count()";
    return Integer.parseInt(shell.eval(count).get(0).value());
  }

  @Override
  public void close() {
    shell.close();
    // JShell's own loader was put there and would stay.
    Thread.currentThread().setContextClassLoader(loader);
  }
}
