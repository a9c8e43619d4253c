package org.sparkmoe.app;

import java.io.PrintWriter;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.sparkmoe.conf.ConfigKey;
import org.sparkmoe.moe.DispatchProvider;
import org.sparkmoe.moe.ExpertProvider;
import org.sparkmoe.moe.GateProvider;
import org.sparkmoe.moe.HookProvider;
import org.sparkmoe.moe.ModuleProvider;
import org.sparkmoe.moe.Modules;
import org.sparkmoe.moe.OrderProvider;
import org.sparkmoe.runtime.RunConfig;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/** What the configuration can choose by name. */
@Command(
    name = "list",
    mixinStandardHelpOptions = true,
    synopsisSubcommandLabel = "(modules | keys)",
    description = "Prints what the configuration can choose by name.")
final class ListCommand {
  @Spec private CommandSpec spec;

  /** The modules of the MoE layer, those of jars on the class path among them. */
  @Command(
      name = "modules",
      mixinStandardHelpOptions = true,
      description =
          "Prints the modules of the MoE layer with their source and options. In place of a name the"
              + " configuration takes the full name of a class of yours from --jars.")
  int modules() {
    PrintWriter out = spec.commandLine().getOut();
    print(out, "moe.gate", "moe.gate-options", GateProvider.class);
    print(out, "moe.order", "", OrderProvider.class);
    print(out, "moe.dispatch", "", DispatchProvider.class);
    print(out, "moe.expert", "moe.expert-options", ExpertProvider.class);
    print(out, "moe.hooks", "", HookProvider.class);
    out.flush();
    return 0;
  }

  /** Every key of the configuration; {@code docs/manual/configuration.md} is what this prints. */
  @Command(
      name = "keys",
      mixinStandardHelpOptions = true,
      description =
          "Prints every key of the configuration with its type, default and meaning, as Markdown.")
  int keys() {
    PrintWriter out = spec.commandLine().getOut();
    out.println("# Configuration");
    out.println();
    out.println(
        "What `spark-moe list keys` prints. A file for `--conf` names the keys that differ");
    out.println("from their defaults; `--set key=value` sets one over it.");
    String section = "";
    for (ConfigKey key : ConfigKey.all(RunConfig.class)) {
      String next = key.path().replaceAll("\\..*", "");
      if (!next.equals(section)) {
        out.printf("%n## %s%n%n", next);
        section = next;
      }
      out.printf("- `%s = %s` (%s)  %n", key.path(), key.defaultValue(), key.type());
      out.printf("  %s%n", key.meaning());
    }
    out.flush();
    return 0;
  }

  private static <P extends ModuleProvider> void print(
      PrintWriter out, String key, String optionsKey, Class<P> kind) {
    List<P> providers = Modules.all(kind);
    out.println(key);
    for (P provider : providers) {
      out.println("  " + provider.name());
      out.println("    " + provider.source());
      if (provider instanceof GateProvider gate && gate.looksAtOtherTokens()) {
        out.println("    looks at later tokens: not for generating text");
      }
      for (Map.Entry<String, String> option : new TreeMap<>(provider.options()).entrySet()) {
        out.println("    %s.%s: %s".formatted(optionsKey, option.getKey(), option.getValue()));
      }
    }
    out.println();
  }
}
