package org.sparkmoe.app;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.sparkmoe.conf.ConfigSource;
import org.sparkmoe.runtime.RunConfig;
import picocli.CommandLine.ParseResult;

/** Commands of README and manual, word for word, mean something to the command line. */
class ManualCommandsTest {
  private static final Path ROOT = Path.of("..");
  private static final Pattern COMMAND =
      Pattern.compile("(?m)^ *(?:bin/)?(?:spark-moe|spark-submit) (?:.*\\\\\\n)*.*$");
  private static final Pattern OURS =
      Pattern.compile(
          "^ *(?:bin/)?spark-moe\\s|SparkMoe\\s(?s:.*?)[.]jar\\s"
              + "|my-gates[.]jar \\S*spark-moe[.]jar\\s");
  private static final Pattern VARIABLE = Pattern.compile("(?s)(\\w+)=\"([^\"]*)\"");
  private static final Pattern WORD = Pattern.compile("'([^']*)'|(\\S+)");

  /** What needs no cluster, no data and no trained model runs for real. */
  private static final Set<String> RUN = Set.of("plan", "simulate", "list", "doctor");

  @TempDir private Path directory;

  /**
   * One command.
   *
   * @param page which shows it
   * @param words after {@code spark-moe} or its jar
   */
  record Shown(Path page, List<String> words) {
    @Override
    public String toString() {
      return page.getFileName() + ": " + String.join(" ", words);
    }
  }

  static List<Shown> commands() throws IOException {
    try (Stream<Path> docs = Files.walk(ROOT.resolve("docs"))) {
      return Stream.concat(Stream.of(ROOT.resolve("README.md")), docs)
          .filter(page -> page.toString().endsWith(".md"))
          .filter(page -> !page.getParent().endsWith("results"))
          .flatMap(page -> commandsOf(page).stream())
          .toList();
    }
  }

  private static List<Shown> commandsOf(Path page) {
    try {
      String text = Files.readString(page);
      List<Shown> commands = new ArrayList<>();
      Matcher matcher = COMMAND.matcher(text);
      while (matcher.find()) {
        Matcher ours = OURS.matcher(matcher.group());
        if (ours.find()) {
          String arguments = matcher.group().substring(ours.end());
          commands.add(new Shown(page, words(expanded(arguments, text))));
        }
      }
      return commands;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Variables that the page itself sets, as a shell replaces them. */
  private static String expanded(String arguments, String page) {
    String expanded = arguments.replace("\\\n", " ");
    Matcher variable = VARIABLE.matcher(page);
    while (variable.find()) {
      String value = variable.group(2).replace("\\\n", " ");
      expanded = expanded.replace("$" + variable.group(1), value);
    }
    return expanded;
  }

  private static List<String> words(String arguments) {
    return WORD.matcher(arguments)
        .results()
        .map(word -> word.group(1) != null ? word.group(1) : word.group(2))
        .takeWhile(word -> !word.equals("#"))
        .toList();
  }

  @Test
  void thePagesHaveCommandsOfEveryKind() throws IOException {
    assertThat(commands().stream().map(command -> command.words().get(0)))
        .contains("train", "evaluate", "generate", "prepare", "convert", "plan", "simulate");
  }

  @ParameterizedTest
  @MethodSource("commands")
  void optionsAndKeysAreKnown(Shown command) {
    String[] words = command.words().toArray(String[]::new);
    ParseResult parsed = SparkMoe.commandLine().parseArgs(words).subcommand();
    List<String> assignments = parsed.matchedOptionValue("--set", List.of());
    boolean runs = RUN.contains(command.words().get(0));
    if (!runs && parsed.commandSpec().findOption("--conf") != null) {
      List<String> all = new ArrayList<>(assignments);
      Path file = parsed.matchedOptionValue("--conf", parsed.matchedOptionValue("--model", null));
      if (file != null && file.startsWith("conf")) {
        file = ROOT.resolve(file);
      } else if (file != null) {
        // For the reader's own file one of ours, with a batch that any number of ranks divides.
        file = ROOT.resolve("conf/quickstart.conf");
        all.add(0, "train.global-batch=1024");
      }
      RunConfig.bind(ConfigSource.load(RunConfig.SECTIONS, file, all));
    }
    if (runs) {
      CommandLineRun run = CommandLineRun.of(here(command.words()));
      assertThat(run.exitCode()).as(run.err()).isZero();
      assertThat(run.out()).isNotBlank();
    }
  }

  /** The same from this module's folder, pictures going to one of the test's own. */
  private String[] here(List<String> words) {
    String[] here = new String[words.size()];
    for (int i = 0; i < here.length; i++) {
      String word = words.get(i);
      if (i > 0 && Set.of("--svg", "--trace").contains(words.get(i - 1))) {
        here[i] = directory.resolve("written").toString();
      } else {
        here[i] = word.startsWith("conf/") ? ROOT.resolve(word).toString() : word;
      }
    }
    return here;
  }
}
