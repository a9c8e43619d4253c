package org.sparkmoe.notebook;

import java.io.ByteArrayOutputStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.regex.Pattern;
import org.apache.spark.sql.SparkSession;
import scala.Console;
import scala.jdk.javaapi.CollectionConverters;
import scala.tools.nsc.Settings;
import scala.tools.nsc.interpreter.IMain;
import scala.tools.nsc.interpreter.shell.ReplReporterImpl;

/**
 * Runs cells as spark-shell and Zeppelin do: by Scala's interpreter, with a session in {@code
 * spark}.
 */
final class ScalaCells implements AutoCloseable {
  private static final Pattern PICTURE = Pattern.compile("<svg");
  private static final scala.collection.immutable.List<String> NO_MODIFIERS =
      CollectionConverters.asScala(List.<String>of()).toList();

  private final ByteArrayOutputStream printed = new ByteArrayOutputStream();
  private final StringWriter messages = new StringWriter();
  private final IMain interpreter;

  ScalaCells(SparkSession spark) {
    Settings settings = new Settings();
    settings.processArgumentString("-usejavacp");
    interpreter =
        new IMain(settings, new ReplReporterImpl(settings, new PrintWriter(messages, true)));
    interpreter.bind("spark", SparkSession.class.getName(), spark, NO_MODIFIERS);
  }

  /**
   * Runs a cell.
   *
   * @throws AssertionError if it does not compile, or throws
   */
  void run(String cell) {
    Object result = Console.withOut(printed, () -> interpreter.interpret(cell));
    if (!result.toString().equals("Success")) {
      throw new AssertionError(cell + "\n" + messages);
    }
  }

  /** How many pictures the cells have shown. */
  int pictures() {
    return (int) PICTURE.matcher(printed.toString(StandardCharsets.UTF_8)).results().count();
  }

  @Override
  public void close() {
    interpreter.close();
  }
}
