package org.sparkmoe.runtime.ui;

import jakarta.servlet.http.HttpServletRequest;
import java.util.List;
import java.util.OptionalDouble;
import java.util.stream.Collectors;
import org.apache.spark.ui.UIUtils;
import org.apache.spark.ui.WebUIPage;
import org.jspecify.annotations.Nullable;
import org.sparkmoe.runtime.report.Html;
import org.sparkmoe.runtime.report.Plots;
import scala.Option;
import scala.collection.immutable.Seq;
import scala.jdk.javaapi.CollectionConverters;
import scala.xml.Node;
import scala.xml.Unparsed;

/**
 * One training of the application: the newest, or the one that {@code ?run=} names. {@code
 * ?refresh=seconds} has the browser load it again and again.
 */
final class MoePage extends WebUIPage {
  private static final String STYLE =
      """
      <style>
      .facts { width: auto; } .facts th { font-weight: normal; padding-right: 2em; }
      figure { margin: 1em 0; } figure svg { max-width: 100%; height: auto; }
      </style>
      """;

  private final MoeTab tab;
  private final StoredRuns runs;

  MoePage(MoeTab tab, StoredRuns runs) {
    super("");
    this.tab = tab;
    this.runs = runs;
  }

  @Override
  public Seq<Node> render(HttpServletRequest request) {
    List<String> names = runs.names();
    String asked = request.getParameter("run");
    String shown = names.contains(asked) ? asked : names.get(names.size() - 1);
    String content = refresh(request.getParameter("refresh")) + chooser(names, shown) + show(shown);
    return UIUtils.headerSparkPage(
        request,
        "Mixture-of-Experts training",
        () -> nodes(content),
        tab,
        Option.empty(),
        false,
        false);
  }

  private static Seq<Node> nodes(String html) {
    Node node = new Unparsed(html);
    return CollectionConverters.asScala(List.of(node)).toSeq();
  }

  private static String refresh(@Nullable String seconds) {
    return seconds != null && seconds.matches("[1-9][0-9]{0,3}")
        ? "<meta http-equiv=\"refresh\" content=\"%s\"/>".formatted(seconds)
        : "<p><a href=\"?refresh=10\">Refresh every 10 seconds</a></p>";
  }

  private static String chooser(List<String> names, String shown) {
    if (names.size() == 1) {
      return "";
    }
    return names.stream()
        .map(
            name ->
                name.equals(shown)
                    ? "<strong>%s</strong>".formatted(Html.escape(name))
                    : "<a href=\"?run=%1$s\">%1$s</a>".formatted(Html.escape(name)))
        .collect(Collectors.joining(", ", "<p>Trainings: ", "</p>"));
  }

  private String show(String name) {
    StoredRun run = runs.run(name);
    String figures =
        Plots.of(run.history(), OptionalDouble.empty()).stream()
            .map(Html::figure)
            .collect(Collectors.joining());
    return STYLE + Html.table(run.facts()) + figures;
  }
}
