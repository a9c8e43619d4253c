package org.sparkmoe.runtime;

import java.awt.BasicStroke;
import java.awt.Color;
import java.io.IOException;
import java.io.OutputStream;
import java.util.List;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.Path;
import org.knowm.xchart.BitmapEncoder;
import org.knowm.xchart.VectorGraphicsEncoder;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.XYChartBuilder;
import org.knowm.xchart.XYSeries;
import org.knowm.xchart.style.Styler;
import org.knowm.xchart.style.markers.SeriesMarkers;

/** The loss over the steps, beside that of the byte trigram model. */
final class LossPlot {
  private static final int WIDTH = 960;
  private static final int HEIGHT = 540;
  private static final Color TRAINING = new Color(0x9ecae1);
  private static final Color VALIDATION = new Color(0x08519c);
  private static final Color TRIGRAM = new Color(0xe6550d);

  private final XYChart chart;

  /**
   * @param curve training and validation
   * @param trigramLoss nats a token of the byte trigram model on validation
   */
  LossPlot(LossCurve curve, double trigramLoss) {
    chart =
        new XYChartBuilder()
            .width(WIDTH)
            .height(HEIGHT)
            .title("Loss")
            .xAxisTitle("step")
            .yAxisTitle("nats a token")
            .theme(Styler.ChartTheme.Matlab)
            .build();
    chart.getStyler().setLegendPosition(Styler.LegendPosition.InsideNE);
    chart.getStyler().setPlotGridLinesVisible(true);
    draw("training", curve.training(), TRAINING).setMarker(SeriesMarkers.NONE);
    draw("validation", curve.validation(), VALIDATION).setMarker(SeriesMarkers.CIRCLE);
    long last = Math.max(1, curve.training().get(curve.training().size() - 1).step());
    List<LossCurve.Point> trigram =
        List.of(new LossCurve.Point(0, trigramLoss), new LossCurve.Point(last, trigramLoss));
    draw("byte trigram with back-off, validation", trigram, TRIGRAM)
        .setMarker(SeriesMarkers.NONE)
        .setLineStyle(
            new BasicStroke(
                2, BasicStroke.CAP_BUTT, BasicStroke.JOIN_BEVEL, 0, new float[] {8, 6}, 0));
  }

  private XYSeries draw(String name, List<LossCurve.Point> points, Color color) {
    double[] steps = points.stream().mapToDouble(LossCurve.Point::step).toArray();
    double[] losses = points.stream().mapToDouble(LossCurve.Point::loss).toArray();
    XYSeries series = chart.addSeries(name, steps, losses);
    series.setLineColor(color);
    series.setMarkerColor(color);
    return series;
  }

  /**
   * Writes {@code loss.png} and {@code loss.svg}.
   *
   * @throws IOException if they cannot be written
   */
  void write(Path directory, Configuration hadoop) throws IOException {
    try (OutputStream png = create(new Path(directory, "loss.png"), hadoop)) {
      png.write(BitmapEncoder.getBitmapBytes(chart, BitmapEncoder.BitmapFormat.PNG));
    }
    try (OutputStream svg = create(new Path(directory, "loss.svg"), hadoop)) {
      VectorGraphicsEncoder.saveVectorGraphic(
          chart, svg, VectorGraphicsEncoder.VectorGraphicsFormat.SVG);
    }
  }

  private static OutputStream create(Path file, Configuration hadoop) throws IOException {
    return file.getFileSystem(hadoop).create(file, true);
  }
}
