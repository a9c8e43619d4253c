package org.sparkmoe.schedule.sim;

import java.util.List;
import java.util.Locale;
import org.sparkmoe.schedule.graph.Lane;
import org.sparkmoe.schedule.graph.Span;

/**
 * Timelines as an SVG picture: one block of three lanes a timeline, on a common axis of
 * milliseconds. Colours follow the Okabe-Ito palette, which people with colour blindness can tell
 * apart, under black labels; a bar too narrow for its label has it as a tooltip.
 */
public final class GanttChart {
  private static final int LEFT = 110;
  private static final int WIDTH = 1200;
  private static final int LANE_HEIGHT = 34;
  private static final int TITLE_HEIGHT = 34;
  private static final int AXIS_HEIGHT = 44;
  private static final int LEGEND_HEIGHT = 20;
  private static final double LETTER_WIDTH = 6.2;

  private static final List<Legend> LEGENDS =
      List.of(
          new Legend("gradient all-reduce", "gradient_all_reduce", "#CC79A7"),
          new Legend("gradient by weight", "weight_gradient", "#F0E442"),
          new Legend("experts", "expert", "#E69F00"),
          new Legend("dense part", "attention", "#D9A58B"),
          new Legend("dispatch", "dispatch", "#56B4E9"),
          new Legend("combine", "combine", "#7FA8D9"),
          new Legend("all-gather, reduce-scatter", "", "#6FC2A3"));

  private final StringBuilder svg = new StringBuilder();
  private final double longest;

  private GanttChart(List<Timeline> timelines) {
    this.longest = timelines.stream().mapToDouble(Timeline::makespan).max().orElse(0);
  }

  /** The SVG document of {@code timelines}, at least one. */
  public static String of(List<Timeline> timelines) {
    return new GanttChart(timelines).draw(timelines);
  }

  private String draw(List<Timeline> timelines) {
    int block = TITLE_HEIGHT + Lane.values().length * LANE_HEIGHT;
    int height = timelines.size() * block + AXIS_HEIGHT + LEGEND_HEIGHT;
    line(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%1$d\" height=\"%2$d\" viewBox=\"0 0 %1$d %2$d\" font-family=\"sans-serif\""
            + " font-size=\"12\" role=\"img\">",
        LEFT + WIDTH + 20, height);
    line("<rect width=\"100%%\" height=\"100%%\" fill=\"#ffffff\"/>");
    for (int i = 0; i < timelines.size(); i++) {
      timeline(timelines.get(i), i * block);
    }
    axis(timelines.size() * block);
    legend(timelines.size() * block + AXIS_HEIGHT - 8);
    line("</svg>");
    return svg.toString();
  }

  private void timeline(Timeline timeline, int top) {
    line(
        "<text x=\"%d\" y=\"%d\" font-size=\"14\" font-weight=\"bold\">%s, %.2f ms</text>",
        LEFT, top + 22, escape(timeline.name()), timeline.makespan());
    for (Lane lane : Lane.values()) {
      int y = top + TITLE_HEIGHT + lane.ordinal() * LANE_HEIGHT;
      line(
          "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" fill=\"#f2f2f2\"/>",
          LEFT, y, WIDTH, LANE_HEIGHT - 4);
      line("<text x=\"8\" y=\"%d\">%s</text>", y + 20, LaneNames.of(lane));
    }
    timeline.spans().forEach(span -> bar(span, top + TITLE_HEIGHT));
  }

  private void bar(Span span, int top) {
    if (span.duration() == 0) {
      return;
    }
    double x = x(span.start());
    double width = x(span.end()) - x;
    int y = top + span.lane().ordinal() * LANE_HEIGHT;
    line(
        "<rect x=\"%.2f\" y=\"%d\" width=\"%.2f\" height=\"%d\" fill=\"%s\" stroke=\"#ffffff\""
            + " stroke-width=\"0.5\"><title>%s: %.3f to %.3f ms</title></rect>",
        x, y, width, LANE_HEIGHT - 4, colour(span.id()), span.id(), span.start(), span.end());
    if (span.id().length() * LETTER_WIDTH < width) {
      line(
          "<text x=\"%.2f\" y=\"%d\" font-size=\"11\" text-anchor=\"middle\">%s</text>",
          x + width / 2, y + 19, span.id());
    }
  }

  private void axis(int top) {
    double step = tick();
    for (int i = 0; i * step <= longest; i++) {
      double x = x(i * step);
      line(
          "<line x1=\"%.2f\" y1=\"0\" x2=\"%.2f\" y2=\"%d\" stroke=\"#999999\" stroke-width=\"0.5\""
              + " stroke-dasharray=\"2 4\"/>",
          x, x, top + 8);
      line(
          "<text x=\"%.2f\" y=\"%d\" text-anchor=\"middle\">%s</text>",
          x, top + 24, step < 1 ? "%.2f".formatted(i * step) : "%.0f".formatted(i * step));
    }
    line("<text x=\"8\" y=\"%d\">milliseconds</text>", top + 24);
  }

  /** The smallest of 1, 2, 5 times a power of ten that makes at most twelve ticks. */
  private double tick() {
    double power = Math.pow(10, Math.floor(Math.log10(Math.max(longest, 1e-3) / 12)));
    for (double factor : new double[] {1, 2, 5}) {
      if (longest / (factor * power) <= 12) {
        return factor * power;
      }
    }
    return 10 * power;
  }

  private double x(double time) {
    return LEFT + (longest == 0 ? 0 : time / longest * WIDTH);
  }

  /**
   * What a colour stands for.
   *
   * @param part of the ids of its tasks; the first legend that fits counts
   */
  private record Legend(String label, String part, String colour) {}

  private static String colour(String id) {
    return LEGENDS.stream()
        .filter(legend -> id.contains(legend.part()))
        .findFirst()
        .map(Legend::colour)
        .orElseThrow();
  }

  private void legend(int top) {
    int x = LEFT;
    for (Legend legend : LEGENDS) {
      line(
          "<rect x=\"%d\" y=\"%d\" width=\"14\" height=\"14\" fill=\"%s\"/>",
          x, top, legend.colour());
      line("<text x=\"%d\" y=\"%d\">%s</text>", x + 20, top + 12, legend.label());
      x += 40 + (int) (legend.label().length() * LETTER_WIDTH);
    }
  }

  private void line(String format, Object... values) {
    svg.append(String.format(Locale.ROOT, format, values)).append('\n');
  }

  private static String escape(String text) {
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;");
  }
}
