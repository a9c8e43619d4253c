package org.sparkmoe.runtime.report;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.StringReader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.stream.LongStream;
import javax.imageio.ImageIO;
import javax.xml.parsers.DocumentBuilder;
import javax.xml.parsers.DocumentBuilderFactory;
import org.apache.hadoop.conf.Configuration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.xml.sax.InputSource;

/** Pictures and report of a training log. */
class TrainingReportTest {

  /** 40 steps of two MoE layers of 3 experts, an evaluation and a schedule. */
  private static List<String> log() {
    List<String> lines = new ArrayList<>();
    for (int step = 1; step <= 40; step++) {
      lines.add(
          """
          {"type":"step","step":%d,"loss":%s,"auxLoss":0.01,"learningRate":0.001,\
          "gradientNorm":1.5,"skipped":false,"tokensPerSecond":%d,"milliseconds":12.5,\
          "nativeBytes":1000,"nativeHandles":3,"routing":[\
          {"tokensPerExpert":[%d,10,5],"droppedShare":0.1,"gateEntropy":1.0,"imbalance":1.5,\
          "auxLoss":0.005},\
          {"tokensPerExpert":[4,4,4],"droppedShare":0.0,"gateEntropy":1.0,"imbalance":1.0,\
          "auxLoss":0.005}]}"""
              .formatted(step, step == 7 ? "\"NaN\"" : 4.0 - step / 20.0, 1000 + step, step));
    }
    lines.add(
        "{\"type\":\"evaluation\",\"step\":40,\"loss\":2.1,\"bitsPerByte\":3.0,\"tokens\":99,"
            + "\"milliseconds\":4.0}");
    String spans =
        "\"spans\":[{\"id\":\"dispatch-0\",\"lane\":\"INTER_NODE\",\"start\":0.0,\"end\":2.0},"
            + "{\"id\":\"expert-0\",\"lane\":\"COMPUTE\",\"start\":1.0,\"end\":3.0}]";
    lines.add(
        ("{\"type\":\"schedule\",\"step\":40,\"policy\":\"fsmoe\",\"forwardDegrees\":[2,4],"
                + "\"backwardDegrees\":[2,2],\"measured\":[{\"name\":\"measured forward-0\",%s}],"
                + "\"predicted\":[{\"name\":\"predicted forward-0\",%s}]}")
            .formatted(spans, spans));
    return lines;
  }

  private static List<Plot> plots() throws Exception {
    return Plots.of(TrainingHistory.of(log()), OptionalDouble.of(1.9));
  }

  @Test
  void readsWhatTrainingLogged() throws Exception {
    TrainingHistory history = TrainingHistory.of(log());
    assertThat(history.steps()).hasSize(40);
    assertThat(history.steps().get(6).loss()).isNaN();
    assertThat(history.steps().get(39).routing().get(0).tokensPerExpert())
        .containsExactly(40, 10, 5);
    assertThat(history.evaluations().get(0).bitsPerByte()).isEqualTo(3.0);
    assertThat(history.schedule().measured().get(0).makespan()).isEqualTo(3.0);
  }

  @Test
  void drawsEachQuantityAsSvgAndPng(@TempDir Path directory) throws Exception {
    new TrainingReport("x", Map.of(), Map.of(), plots(), "", "")
        .write(new org.apache.hadoop.fs.Path(directory.toUri()), new Configuration());
    for (String name : List.of("loss", "learning-rate", "throughput", "expert-load", "imbalance")) {
      assertThat(ImageIO.read(directory.resolve(name + ".png").toFile()).getWidth()).isEqualTo(960);
      assertThat(Files.readString(directory.resolve(name + ".svg"))).contains("<svg");
    }
    assertThat(Files.readString(directory.resolve("timeline.svg")))
        .contains("measured forward-0, 3.00 ms", "predicted forward-0, 3.00 ms");
  }

  @Test
  void theReportNeedsNoOtherFileAndIsWellFormed() throws Exception {
    String html =
        new TrainingReport(
                "Training of <models>",
                Map.of("steps", "40"),
                Map.of("documents", "7 & more"),
                plots(),
                "train.steps = 40",
                "{\"commit\": \"abc\"}")
            .html();
    assertThat(html)
        .contains("Training of &lt;models&gt;", "7 &amp; more", "train.steps = 40", "abc")
        .doesNotContain("src=", "<script", "@import")
        .doesNotContainPattern("href=\"(?!#)");
    List<String> ids = html.lines().flatMap(line -> matches(line, "id=\"([^\"]+)\"")).toList();
    assertThat(ids).doesNotHaveDuplicates().contains("loss", "timeline");
    String body = html.substring(html.indexOf("<body>"), html.indexOf("</html>"));
    DocumentBuilder parser = DocumentBuilderFactory.newInstance().newDocumentBuilder();
    assertThat(parser.parse(new InputSource(new StringReader(body))).getElementsByTagName("figure"))
        .satisfies(figures -> assertThat(figures.getLength()).isEqualTo(6));
  }

  private static java.util.stream.Stream<String> matches(String line, String pattern) {
    return java.util.regex.Pattern.compile(pattern).matcher(line).results().map(r -> r.group(1));
  }

  @Test
  void anExpertsLoadIsRelativeToTheMeanOfItsLayer() throws Exception {
    ExpertLoad load = ExpertLoad.of(TrainingHistory.of(log()).steps());
    assertThat(load.rows())
        .containsExactly(
            "MoE layer 1, expert 0",
            "MoE layer 1, expert 1",
            "MoE layer 1, expert 2",
            "MoE layer 2, expert 0",
            "MoE layer 2, expert 1",
            "MoE layer 2, expert 2");
    // 15 of 15 + 10 + 5 in step 15.
    assertThat(load.loads().get(14)).containsExactly(1.5, 1, 0.5, 1, 1, 1);
  }

  @Test
  void aLongTrainingIsDrawnWithFewPoints() {
    List<Long> steps = LongStream.rangeClosed(1, 5000).boxed().toList();
    Curve curve = Curve.of(steps, step -> step, step -> step % 2 == 0 ? 1 : 3);
    assertThat(curve.steps()).hasSize(1000).endsWith(5000);
    assertThat(curve.values()[0]).isEqualTo((3 + 1 + 3 + 1 + 3) / 5.0);
  }
}
