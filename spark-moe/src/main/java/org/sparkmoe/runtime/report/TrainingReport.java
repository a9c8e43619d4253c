package org.sparkmoe.runtime.report;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.Path;

/**
 * What a run did, as pictures and one HTML file that needs no other.
 *
 * @param title of the page
 * @param results name to value
 * @param data what was trained on, name to value
 * @param plots as in the files beside the page
 * @param config as HOCON text
 * @param provenance as JSON text
 */
public record TrainingReport(
    String title,
    Map<String, String> results,
    Map<String, String> data,
    List<Plot> plots,
    String config,
    String provenance) {
  private static final String STYLE =
      """
      body { font-family: sans-serif; color: #1a1a1a; background: #ffffff; max-width: 1000px; \
      margin: 2em auto; padding: 0 1em; line-height: 1.4; }
      h1 { font-size: 1.6em; } h2 { font-size: 1.2em; border-bottom: 1px solid #999999; }
      table { border-collapse: collapse; } th { text-align: left; font-weight: normal; \
      color: #444444; padding: 2px 2em 2px 0; } td { padding: 2px 0; }
      figure { margin: 1em 0; } svg { max-width: 100%; height: auto; }
      pre { background: #f2f2f2; padding: 1em; overflow-x: auto; font-size: 0.85em; }
      """;

  /**
   * Writes {@code report.html}, and each plot as SVG and, where there is one, as PNG.
   *
   * @throws IOException if they cannot be written
   */
  public void write(Path directory, Configuration hadoop) throws IOException {
    for (Plot plot : plots) {
      write(new Path(directory, plot.name() + ".svg"), plot.svg(), hadoop);
      Optional<byte[]> png = plot.png();
      if (png.isPresent()) {
        write(new Path(directory, plot.name() + ".png"), png.get(), hadoop);
      }
    }
    write(new Path(directory, "report.html"), html(), hadoop);
  }

  private static void write(Path file, String text, Configuration hadoop) throws IOException {
    write(file, text.getBytes(StandardCharsets.UTF_8), hadoop);
  }

  private static void write(Path file, byte[] bytes, Configuration hadoop) throws IOException {
    try (OutputStream out = file.getFileSystem(hadoop).create(file, true)) {
      out.write(bytes);
    }
  }

  /** The page. */
  public String html() {
    return """
        <!DOCTYPE html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <title>%1$s</title>
        <style>
        %2$s</style>
        </head>
        <body>
        <h1>%1$s</h1>
        <h2>Results</h2>
        %3$s<h2>Data</h2>
        %4$s<h2>Training</h2>
        %5$s<h2>Configuration</h2>
        <pre>%6$s</pre>
        <h2>Provenance</h2>
        <pre>%7$s</pre>
        </body>
        </html>
        """
        .formatted(
            Html.escape(title),
            STYLE,
            Html.table(results),
            Html.table(data),
            plots.stream().map(Html::figure).collect(Collectors.joining()),
            Html.escape(config.strip()),
            Html.escape(provenance.strip()));
  }
}
