package org.sparkmoe.runtime.report;

import de.erichseifert.vectorgraphics2d.VectorGraphics2D;
import de.erichseifert.vectorgraphics2d.svg.SVGProcessor;
import de.erichseifert.vectorgraphics2d.util.PageSize;
import java.awt.Graphics2D;
import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;
import javax.imageio.ImageIO;
import org.knowm.xchart.BitmapEncoder;
import org.knowm.xchart.VectorGraphicsEncoder;
import org.knowm.xchart.internal.chartpart.Chart;
import org.sparkmoe.schedule.sim.GanttChart;
import org.sparkmoe.schedule.sim.Timeline;

/** A picture of a run. */
public sealed interface Plot {

  /** Of its files, without suffix. */
  String name();

  /** What it shows, for those who do not see it. */
  String description();

  /** An SVG document. */
  String svg();

  /** The same as PNG, if there is one. */
  Optional<byte[]> png();

  /** A chart of XChart. */
  record OfChart(String name, String description, Chart<?, ?> chart) implements Plot {

    @Override
    public String svg() {
      ByteArrayOutputStream bytes = new ByteArrayOutputStream();
      try {
        VectorGraphicsEncoder.saveVectorGraphic(
            chart, bytes, VectorGraphicsEncoder.VectorGraphicsFormat.SVG);
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
      return bytes.toString(StandardCharsets.UTF_8);
    }

    @Override
    public Optional<byte[]> png() {
      try {
        return Optional.of(BitmapEncoder.getBitmapBytes(chart, BitmapEncoder.BitmapFormat.PNG));
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }

  /** Values of rows and columns as colours. */
  record OfHeatMap(String name, String description, HeatMap map) implements Plot {

    @Override
    public String svg() {
      VectorGraphics2D graphics = new VectorGraphics2D();
      map.paint(graphics);
      ByteArrayOutputStream bytes = new ByteArrayOutputStream();
      try {
        new SVGProcessor()
            .getDocument(graphics.getCommands(), new PageSize(map.width(), map.height()))
            .writeTo(bytes);
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
      return bytes.toString(StandardCharsets.UTF_8);
    }

    @Override
    public Optional<byte[]> png() {
      BufferedImage image =
          new BufferedImage(map.width(), map.height(), BufferedImage.TYPE_INT_RGB);
      Graphics2D graphics = image.createGraphics();
      map.paint(graphics);
      graphics.dispose();
      ByteArrayOutputStream bytes = new ByteArrayOutputStream();
      try {
        ImageIO.write(image, "png", bytes);
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
      return Optional.of(bytes.toByteArray());
    }
  }

  /** When tasks ran on the three lanes. */
  record OfTimelines(String name, String description, List<Timeline> timelines) implements Plot {

    @Override
    public String svg() {
      return GanttChart.of(timelines);
    }

    @Override
    public Optional<byte[]> png() {
      return Optional.empty();
    }
  }
}
