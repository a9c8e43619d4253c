package org.sparkmoe.app;

import java.io.PrintWriter;
import java.util.concurrent.Callable;
import org.sparkmoe.runtime.Installation;
import org.sparkmoe.runtime.Installation.Finding;
import org.sparkmoe.runtime.Installation.Need;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** What is on this machine, what is missing, what to do. */
@Command(
    name = "doctor",
    mixinStandardHelpOptions = true,
    description = {
      "Tells what Spark MoE finds on this machine, what is missing and what to do about it.",
      "Ends with code 1 if something is missing that runs need."
    })
final class DoctorCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;

  @Option(names = "--gpu", description = "Count what only runs on GPUs need as needed.")
  private boolean gpu;

  @Override
  public Integer call() {
    Installation installation = Installation.inspect();
    PrintWriter out = spec.commandLine().getOut();
    for (Finding finding : installation.findings()) {
      out.printf("%-8s %-18s %s%n", word(finding), finding.part(), finding.detail());
      if (!finding.remedy().isEmpty()) {
        out.printf("%-8s %-18s   -> %s%n", "", "", finding.remedy());
      }
    }
    boolean onGpus = installation.complete(true);
    out.printf(
        "%n%s%n",
        onGpus
            ? "Runs on the CPU and on GPUs find all they need."
            : installation.complete(false)
                ? "Runs on the CPU find all they need; for runs on GPUs see above."
                : "Runs do not find what they need, see above.");
    out.flush();
    return installation.complete(gpu) ? 0 : 1;
  }

  private static String word(Finding finding) {
    if (finding.present()) {
      return "found";
    }
    return finding.need() == Need.SPEED ? "optional" : "missing";
  }
}
