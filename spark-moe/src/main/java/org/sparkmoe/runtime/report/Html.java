package org.sparkmoe.runtime.report;

import java.util.Map;
import java.util.stream.Collectors;

/** Pieces of HTML. */
public final class Html {
  private Html() {}

  /** {@code text} with nothing in it that a browser would take for markup. */
  public static String escape(String text) {
    return text.replace("&", "&amp;")
        .replace("<", "&lt;")
        .replace(">", "&gt;")
        .replace("\"", "&quot;");
  }

  /** A table of two columns: names and values, both plain text. */
  public static String table(Map<String, String> rows) {
    return rows.entrySet().stream()
        .map(
            row ->
                "<tr><th scope=\"row\">%s</th><td>%s</td></tr>"
                    .formatted(escape(row.getKey()), escape(row.getValue())))
        .collect(Collectors.joining("\n", "<table class=\"table facts\">\n", "\n</table>\n"));
  }

  /** The picture itself, without what makes an SVG document of it. */
  public static String figure(Plot plot) {
    String svg = plot.svg();
    return "<figure id=\"%s\" role=\"img\" aria-label=\"%s\">\n%s\n</figure>\n"
        .formatted(
            plot.name(),
            escape(plot.description()),
            apart(plot.name(), svg.substring(svg.indexOf("<svg"))));
  }

  /** Several pictures in one page must not share ids. */
  private static String apart(String name, String svg) {
    return svg.replaceAll("id=\"([^\"]+)\"", "id=\"" + name + "-$1\"")
        .replaceAll("url\\(#([^)]+)\\)", "url(#" + name + "-$1)")
        .replaceAll("href=\"#([^\"]+)\"", "href=\"#" + name + "-$1\"");
  }
}
