package org.sparkmoe.notebook;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** Links between the files of the repository lead somewhere. */
class LinksTest {
  private static final Path ROOT = Path.of("..");
  private static final Pattern LINK = Pattern.compile("\\]\\(([^)\\s]+)\\)");
  private static final Pattern HEADING = Pattern.compile("(?m)^#+ +(.+?) *$");
  private static final Pattern NOT_IN_ANCHORS = Pattern.compile("[^\\p{L}\\p{N} _-]");

  @Test
  void everyRelativeLinkResolves() throws IOException {
    assertThat(pages()).hasSizeGreaterThan(10);
    assertThat(pages().stream().flatMap(LinksTest::brokenLinks)).isEmpty();
  }

  private static List<Path> pages() throws IOException {
    try (Stream<Path> docs = Files.walk(ROOT.resolve("docs"));
        Stream<Path> notebooks = Files.walk(ROOT.resolve("notebooks"))) {
      return Stream.of(
              Stream.of(ROOT.resolve("README.md"), ROOT.resolve("python/README.md")),
              docs,
              notebooks)
          .flatMap(files -> files)
          .filter(file -> file.toString().endsWith(".md"))
          .toList();
    }
  }

  private static Stream<String> brokenLinks(Path page) {
    return LINK.matcher(read(page))
        .results()
        .map(link -> link.group(1))
        .filter(target -> !target.matches("[a-z]+:.*") && !resolves(page, target))
        .map(target -> page + ": " + target);
  }

  private static boolean resolves(Path page, String target) {
    String[] parts = target.split("#", 2);
    Path file = parts[0].isEmpty() ? page : page.resolveSibling(parts[0]);
    return Files.exists(file) && (parts.length == 1 || hasHeading(file, parts[1]));
  }

  /** Anchors as GitHub makes them of headings. */
  private static boolean hasHeading(Path page, String anchor) {
    return HEADING
        .matcher(read(page))
        .results()
        .map(heading -> heading.group(1).toLowerCase(Locale.ROOT))
        .map(text -> NOT_IN_ANCHORS.matcher(text).replaceAll("").replace(' ', '-'))
        .anyMatch(anchor::equals);
  }

  private static String read(Path page) {
    try {
      return Files.readString(page);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
