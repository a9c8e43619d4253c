package org.sparkmoe.app;

import java.io.PrintWriter;
import java.io.StringWriter;

/**
 * What a command did when it ran in this JVM.
 *
 * @param exitCode of the process
 * @param out standard output
 * @param err standard error
 */
record CommandLineRun(int exitCode, String out, String err) {

  static CommandLineRun of(String... arguments) {
    StringWriter out = new StringWriter();
    StringWriter err = new StringWriter();
    int exitCode =
        SparkMoe.commandLine()
            .setOut(new PrintWriter(out))
            .setErr(new PrintWriter(err))
            .execute(arguments);
    return new CommandLineRun(exitCode, out.toString(), err.toString());
  }
}
