package org.sparkmoe.runtime.report;

import java.awt.BasicStroke;
import java.awt.Color;
import java.util.List;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.XYChartBuilder;
import org.knowm.xchart.XYSeries;
import org.knowm.xchart.style.Styler;
import org.knowm.xchart.style.markers.SeriesMarkers;

/**
 * Curves over the steps, in the colours of Okabe and Ito, which people with colour blindness can
 * tell apart.
 */
final class LineChart {
  private static final int WIDTH = 960;
  private static final int HEIGHT = 400;
  private static final int TICK_SPACING = 60;
  private static final List<Color> COLOURS =
      List.of(
          new Color(0x0072B2),
          new Color(0xD55E00),
          new Color(0x009E73),
          new Color(0xE69F00),
          new Color(0xCC79A7),
          new Color(0x56B4E9),
          new Color(0x000000));

  private final XYChart chart;

  /**
   * @param quantity what the vertical axis shows, with its unit
   * @param numbers pattern of its numbers
   */
  LineChart(String title, String quantity, String numbers) {
    chart =
        new XYChartBuilder()
            .width(WIDTH)
            .height(HEIGHT)
            .title(title)
            .xAxisTitle("step")
            .yAxisTitle(quantity)
            .theme(Styler.ChartTheme.Matlab)
            .build();
    chart.getStyler().setLegendPosition(Styler.LegendPosition.OutsideS);
    chart.getStyler().setLegendLayout(Styler.LegendLayout.Horizontal);
    chart.getStyler().setPlotGridLinesVisible(true);
    // Dashes would make an SVG file of a megabyte.
    chart.getStyler().setPlotGridLinesStroke(new BasicStroke(0.5f));
    chart.getStyler().setPlotGridLinesColor(new Color(0xCCCCCC));
    chart.getStyler().setXAxisTickMarkSpacingHint(TICK_SPACING);
    chart.getStyler().setYAxisTickMarkSpacingHint(TICK_SPACING);
    chart.getStyler().setXAxisDecimalPattern("#,##0");
    chart.getStyler().setYAxisDecimalPattern(numbers);
  }

  /** A line through all points; nothing if there are none. */
  LineChart line(String name, Curve curve) {
    if (!curve.isEmpty()) {
      add(name, curve).setMarker(SeriesMarkers.NONE);
    }
    return this;
  }

  /** A line with a mark at each point. */
  LineChart marked(String name, Curve curve) {
    if (!curve.isEmpty()) {
      add(name, curve).setMarker(SeriesMarkers.CIRCLE);
    }
    return this;
  }

  /** A dashed line at one height. */
  LineChart level(String name, double value, double lastStep) {
    Curve curve = new Curve(new double[] {0, lastStep}, new double[] {value, value});
    float[] dashes = {8, 6};
    add(name, curve)
        .setMarker(SeriesMarkers.NONE)
        .setLineStyle(
            new BasicStroke(2, BasicStroke.CAP_BUTT, BasicStroke.JOIN_BEVEL, 0, dashes, 0));
    return this;
  }

  /** A vertical axis that begins at 0. */
  LineChart fromZero() {
    chart.getStyler().setYAxisMin(0.0);
    return this;
  }

  private XYSeries add(String name, Curve curve) {
    Color colour = COLOURS.get(chart.getSeriesMap().size() % COLOURS.size());
    XYSeries series = chart.addSeries(name, curve.steps(), curve.values());
    series.setLineColor(colour);
    series.setMarkerColor(colour);
    return series;
  }

  /** The chart; a legend only where there is something to tell apart. */
  XYChart chart() {
    chart.getStyler().setLegendVisible(chart.getSeriesMap().size() > 1);
    return chart;
  }
}
