package org.sparkmoe.runtime.report;

import java.awt.Color;
import java.awt.Font;
import java.awt.Graphics2D;
import java.awt.RenderingHints;
import java.awt.font.FontRenderContext;
import java.awt.font.GlyphVector;
import java.awt.geom.Rectangle2D;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/**
 * Values as colours, from 0 up, painted with Java's own graphics: XChart's heat map puts labels
 * beside the wrong rows where it leaves some out.
 *
 * @param title above
 * @param axis name of the columns' quantity, with its unit
 * @param columns labels from left to right, of which some are left out
 * @param rows labels from top to bottom
 * @param values {@code [columns][rows]}, not negative
 */
record HeatMap(
    String title, String axis, List<String> columns, List<String> rows, List<double[]> values) {
  private static final int WIDTH = 960;
  private static final int LEFT = 180;
  private static final int RIGHT = 90;
  private static final int TOP = 36;
  private static final int BOTTOM = 50;
  private static final int LEAST_LABEL_WIDTH = 60;
  private static final int READABLE = 11;
  private static final Font PLAIN = new Font(Font.SANS_SERIF, Font.PLAIN, 12);
  private static final Font BOLD = new Font(Font.SANS_SERIF, Font.BOLD, 14);

  /** The least that the brightest colour stands for, so that an even load does not look uneven. */
  private static final double LEAST_TOP = 2;

  /** Stops of the viridis colour map: even in lightness, and the same without colours. */
  private static final List<Color> VIRIDIS =
      List.of(
          new Color(0x440154),
          new Color(0x482878),
          new Color(0x3E4989),
          new Color(0x31688E),
          new Color(0x26828E),
          new Color(0x1F9E89),
          new Color(0x35B779),
          new Color(0x6DCD59),
          new Color(0xB4DE2C),
          new Color(0xFDE725));

  int width() {
    return WIDTH;
  }

  int height() {
    return TOP + rowHeight() * rows.size() + BOTTOM;
  }

  private int rowHeight() {
    return Math.max(5, Math.min(22, 600 / rows.size()));
  }

  private double columnWidth() {
    return (double) (WIDTH - LEFT - RIGHT) / columns.size();
  }

  void paint(Graphics2D graphics) {
    graphics.setRenderingHint(RenderingHints.KEY_ANTIALIASING, RenderingHints.VALUE_ANTIALIAS_ON);
    graphics.setColor(Color.WHITE);
    graphics.fillRect(0, 0, width(), height());
    graphics.setColor(Color.BLACK);
    text(graphics, BOLD, title, Align.LEFT, LEFT, TOP - 14);
    double top = values.stream().flatMapToDouble(Arrays::stream).max().orElse(0);
    cells(graphics, Math.max(LEAST_TOP, top));
    rowLabels(graphics);
    columnLabels(graphics);
    legend(graphics, Math.max(LEAST_TOP, top));
  }

  private void cells(Graphics2D graphics, double top) {
    for (int column = 0; column < columns.size(); column++) {
      double x = LEFT + column * columnWidth();
      for (int row = 0; row < rows.size(); row++) {
        graphics.setColor(colour(values.get(column)[row] / top));
        graphics.fill(
            new Rectangle2D.Double(x, TOP + row * rowHeight(), columnWidth(), rowHeight()));
      }
    }
  }

  /** Between the two stops beside {@code share}, which is from 0 to 1. */
  private static Color colour(double share) {
    double place = Math.min(1, share) * (VIRIDIS.size() - 1);
    int below = Math.min((int) place, VIRIDIS.size() - 2);
    Color from = VIRIDIS.get(below);
    Color to = VIRIDIS.get(below + 1);
    double part = place - below;
    return new Color(
        mix(from.getRed(), to.getRed(), part),
        mix(from.getGreen(), to.getGreen(), part),
        mix(from.getBlue(), to.getBlue(), part));
  }

  private static int mix(int from, int to, double part) {
    return (int) Math.round(from + part * (to - from));
  }

  /** All rows if they are high enough, else some, each beside its own row. */
  private void rowLabels(Graphics2D graphics) {
    graphics.setColor(Color.BLACK);
    int every = (READABLE + rowHeight() - 1) / rowHeight();
    for (int row = 0; row < rows.size(); row += every) {
      int y = TOP + row * rowHeight() + rowHeight() / 2 + 4;
      text(graphics, PLAIN, rows.get(row), Align.RIGHT, LEFT - 8, y);
    }
  }

  private void columnLabels(Graphics2D graphics) {
    int y = TOP + rowHeight() * rows.size();
    int every = (int) Math.ceil(LEAST_LABEL_WIDTH / columnWidth());
    for (int column = 0; column < columns.size(); column += every) {
      int x = (int) (LEFT + (column + 0.5) * columnWidth());
      graphics.drawLine(x, y, x, y + 4);
      text(graphics, PLAIN, columns.get(column), Align.CENTRE, x, y + 18);
    }
    text(graphics, PLAIN, axis, Align.CENTRE, (WIDTH + LEFT - RIGHT) / 2, y + 38);
  }

  private enum Align {
    LEFT(0),
    CENTRE(0.5),
    RIGHT(1);

    private final double share;

    Align(double share) {
      this.share = share;
    }
  }

  /** As outlines: a browser's own font would have other widths. */
  private static void text(
      Graphics2D graphics, Font font, String text, Align align, double x, double y) {
    GlyphVector glyphs = font.createGlyphVector(new FontRenderContext(null, true, true), text);
    double left = x - align.share * glyphs.getLogicalBounds().getWidth();
    graphics.fill(glyphs.getOutline((float) left, (float) y));
  }

  /** The colours from 0 (below) to {@code top}, and what three of them stand for. */
  private void legend(Graphics2D graphics, double top) {
    int x = WIDTH - RIGHT + 16;
    int height = rowHeight() * rows.size();
    int stripes = Math.min(64, height);
    for (int i = 0; i < stripes; i++) {
      graphics.setColor(colour((i + 0.5) / stripes));
      double stripe = (double) height / stripes;
      graphics.fill(new Rectangle2D.Double(x, TOP + height - (i + 1) * stripe, 16, stripe));
    }
    graphics.setColor(Color.BLACK);
    for (double value : new double[] {0, 1, top}) {
      int y = (int) (TOP + height * (1 - value / top));
      text(graphics, PLAIN, String.format(Locale.ROOT, "%.1f", value), Align.LEFT, x + 22, y + 5);
    }
  }
}
