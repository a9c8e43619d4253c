package org.sparkmoe.schedule.graph;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * The text form of a graph. First a line with its name, then a line a task:
 *
 * <pre>
 * graph fsmoe
 * dispatch.0    inter_node dispatch   1000.0
 * all_gather.0  intra_node all_gather 8000.0 &lt;- dispatch.0
 * </pre>
 */
final class TaskGraphText {
  private static final Pattern TASK =
      Pattern.compile("(\\S+)\\s+(\\S+)\\s+(\\S+)\\s+(\\S+)(?:\\s+<-\\s+(.+))?");

  private TaskGraphText() {}

  static String print(TaskGraph graph) {
    return header(graph.name()) + lines(graph.tasks()).collect(Collectors.joining());
  }

  /** The text with task {@code faulty} marked, for a graph that is not valid. */
  static String marked(String name, List<Task> tasks, int faulty) {
    StringBuilder text = new StringBuilder("   " + header(name));
    List<String> lines = lines(tasks).toList();
    for (int i = 0; i < lines.size(); i++) {
      text.append(i == faulty ? ">> " : "   ").append(lines.get(i));
    }
    return text.toString();
  }

  private static String header(String name) {
    return "graph " + name + "\n";
  }

  private static Stream<String> lines(List<Task> tasks) {
    int idWidth = tasks.stream().mapToInt(task -> task.id().length()).max().orElse(1);
    int kindWidth = tasks.stream().mapToInt(task -> lower(task.kind()).length()).max().orElse(1);
    String format = "%-" + idWidth + "s %-10s %-" + kindWidth + "s %s%s\n";
    return tasks.stream()
        .map(
            task ->
                format.formatted(
                    task.id(),
                    lower(task.lane()),
                    lower(task.kind()),
                    task.workload(),
                    task.dependencies().isEmpty()
                        ? ""
                        : " <- " + String.join(", ", task.dependencies())));
  }

  private static String lower(Enum<?> value) {
    return value.name().toLowerCase(Locale.ROOT);
  }

  static TaskGraph parse(String text) {
    List<String> lines = text.lines().toList();
    if (lines.isEmpty() || !lines.get(0).startsWith("graph ")) {
      throw new IllegalArgumentException("line 1: must be 'graph NAME'");
    }
    List<Task> tasks = new ArrayList<>();
    for (int i = 1; i < lines.size(); i++) {
      if (!lines.get(i).isBlank()) {
        tasks.add(parseTask(i + 1, lines.get(i).strip()));
      }
    }
    return new TaskGraph(lines.get(0).substring("graph ".length()).strip(), tasks);
  }

  private static Task parseTask(int number, String line) {
    Matcher matcher = TASK.matcher(line);
    if (!matcher.matches()) {
      throw new IllegalArgumentException(
          "line %d: '%s', must be 'ID LANE KIND WORKLOAD [<- ID, ...]'".formatted(number, line));
    }
    try {
      List<String> dependencies =
          matcher.group(5) == null ? List.of() : List.of(matcher.group(5).strip().split(",\\s*"));
      return new Task(
          matcher.group(1),
          TaskKind.valueOf(matcher.group(3).toUpperCase(Locale.ROOT)),
          Lane.valueOf(matcher.group(2).toUpperCase(Locale.ROOT)),
          Double.parseDouble(matcher.group(4)),
          dependencies);
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException("line %d: %s".formatted(number, e.getMessage()), e);
    }
  }
}
