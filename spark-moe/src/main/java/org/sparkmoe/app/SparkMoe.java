package org.sparkmoe.app;

import org.sparkmoe.conf.ConfigurationException;
import org.sparkmoe.data.DataException;
import org.sparkmoe.interchange.InterchangeException;
import org.sparkmoe.runtime.PreflightException;
import org.sparkmoe.runtime.SparkSettings;
import org.sparkmoe.runtime.TrainingFailedException;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.ParseResult;

/** Main class: the command line of Spark MoE. */
@Command(
    name = "spark-moe",
    mixinStandardHelpOptions = true,
    versionProvider = BuildVersion.class,
    description = "Trains sparse Mixture-of-Experts language models inside Apache Spark.",
    synopsisSubcommandLabel = "COMMAND",
    subcommands = {
      TrainCommand.class,
      PrepareCommand.class,
      EvaluateCommand.class,
      GenerateCommand.class,
      ConvertCommand.class,
      ProfileCommand.class,
      PlanCommand.class,
      SimulateCommand.class,
      TraceCommand.class,
      ReproduceCommand.class,
      ListCommand.class,
      DoctorCommand.class,
      BenchCommand.class,
      CommandLine.HelpCommand.class
    },
    exitCodeListHeading = "%nExit codes:%n",
    exitCodeList = {
      "0:done",
      "1:the job failed",
      "2:bad arguments, configuration or data: nothing was trained",
      "3:training stopped early, as asked, after a checkpoint (130, 143: by a signal)"
    })
public final class SparkMoe {
  private static final int FAILED = 1;
  private static final int REFUSED = 2;

  private SparkMoe() {}

  /** Ends the JVM with the exit code if it is not 0, so that a cluster manager sees a failure. */
  public static void main(String[] args) {
    // Before the first tensor: spark-submit starts this JVM without our options.
    System.getProperties().putIfAbsent(SparkSettings.NATIVE_LIMIT, "0");
    int code = run(args);
    if (code != 0) {
      System.exit(code);
    }
  }

  /** Runs one command and returns its exit code. */
  static int run(String... args) {
    return commandLine().execute(args);
  }

  static CommandLine commandLine() {
    return new CommandLine(new SparkMoe())
        .setExecutionExceptionHandler(SparkMoe::report)
        .setCaseInsensitiveEnumValuesAllowed(true);
  }

  /** A user's mistake is told in a message, a fault of ours with its stack trace. */
  private static int report(Exception e, CommandLine command, ParseResult parsed) {
    boolean refused =
        e instanceof ConfigurationException
            || e instanceof DataException
            || e instanceof PreflightException
            || e instanceof InterchangeException
            || e instanceof RefusedException;
    if (refused || e instanceof TrainingFailedException) {
      command.getErr().println("spark-moe: " + e.getMessage());
    } else {
      e.printStackTrace(command.getErr());
    }
    command.getErr().flush();
    return refused ? REFUSED : FAILED;
  }
}
