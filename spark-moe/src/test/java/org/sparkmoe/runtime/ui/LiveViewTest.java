package org.sparkmoe.runtime.ui;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import java.awt.image.BufferedImage;
import java.io.File;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import javax.imageio.ImageIO;
import org.apache.spark.SecurityManager;
import org.apache.spark.SparkConf;
import org.apache.spark.SparkContext;
import org.apache.spark.scheduler.SparkListener;
import org.apache.spark.scheduler.SparkListenerEvent;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.status.AppStatusStore;
import org.apache.spark.status.ElementTrackingStore;
import org.apache.spark.ui.SparkUI;
import org.apache.spark.util.JsonProtocol;
import org.apache.spark.util.kvstore.InMemoryStore;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.sparkmoe.runtime.SparkFixture;
import scala.Option;

/** The tab, live and from an event log, and the metrics, over HTTP as a user's browser asks. */
@ExtendWith(SparkFixture.class)
@Timeout(120)
class LiveViewTest {
  private static final int BRIGHTEST = 0xFFFDE725;
  private static final int DARKEST = 0xFF440154;

  private final SparkContext context;

  LiveViewTest(SparkSession spark) {
    context = spark.sparkContext();
  }

  /** What an event log holds. */
  private static final class EventLog extends SparkListener {
    private final List<String> lines = new ArrayList<>();

    @Override
    public synchronized void onOtherEvent(SparkListenerEvent event) {
      if (event instanceof TrainingEvent && event.logEvent()) {
        lines.add(JsonProtocol.sparkEventToJsonString(event));
      }
    }
  }

  private List<String> eventLogOf(int steps) throws Exception {
    EventLog log = new EventLog();
    context.addSparkListener(log);
    Trainings.tell(new EventPoster(context), steps);
    context.listenerBus().waitUntilEmpty();
    context.removeSparkListener(log);
    return log.lines;
  }

  private String get(String path) throws Exception {
    return get(context.uiWebUrl().get(), path);
  }

  private static String get(String root, String path) throws Exception {
    HttpResponse<String> response =
        HttpClient.newBuilder()
            .followRedirects(HttpClient.Redirect.NORMAL)
            .build()
            .send(
                HttpRequest.newBuilder(URI.create(root + path)).build(),
                HttpResponse.BodyHandlers.ofString());
    assertThat(response.statusCode()).as(path).isEqualTo(200);
    return response.body();
  }

  private static void assertShowsTraining(String page) {
    assertThat(page)
        .contains("<td>1,234,567 parameters</td>", "<td>2,048 tokens a step</td>")
        .contains("<td>20 of 20</td>", "<td>0.2500 nats a token</td>", "<td>4,321 tokens/s</td>")
        .contains("<td>412 TFLOP/s a rank (MFU 41.7 %)</td>")
        .contains("2.2500 bits per byte, loss 1.5000 nats a token, after step 20")
        .contains("imbalance 2.50, dropped 12.5 %, gate entropy 1.25 nats")
        .contains("<td>fsmoe</td>", "<td>[2, 4]</td>", "<td>[1, 2]</td>")
        .contains("compute 50 %, intra-node 25 %, inter-node 63 %", "12.50 measured, 10.25 planned")
        .contains("id=\"loss\"", "id=\"throughput\"", "id=\"expert-load\"", "id=\"timeline\"");
  }

  @Test
  void theTabShowsTheNewestTrainingWhileTheApplicationRuns() throws Exception {
    Trainings.tell(new EventPoster(context), 20);
    context.listenerBus().waitUntilEmpty();
    assertShowsTraining(get("/MoE/"));
    assertThat(get("/jobs/")).contains("/MoE/");
    assertThat(get("/MoE/?refresh=5")).contains("http-equiv=\"refresh\" content=\"5\"");
    assertThat(get("/MoE/?refresh=%3Cscript%3E&run=%3Cscript%3E")).doesNotContain("<script>\"");
  }

  @Test
  void sparksMetricsHaveTheNewestStep() throws Exception {
    Trainings.tell(new EventPoster(context), 20);
    context.listenerBus().waitUntilEmpty();
    String metrics = get("/metrics/prometheus/");
    assertThat(metrics)
        .containsPattern("MonitoringPlugin_step_Value\\{[^}]*} 20")
        .containsPattern("MonitoringPlugin_loss_Value\\{[^}]*} 0\\.25")
        .containsPattern("MonitoringPlugin_tokensPerSecond_Value\\{[^}]*} 4321")
        .containsPattern("MonitoringPlugin_teraflops_Value\\{[^}]*} 412")
        .containsPattern("MonitoringPlugin_mfu_Value\\{[^}]*} 0\\.417")
        .containsPattern("MonitoringPlugin_imbalance_Value\\{[^}]*} 2\\.5")
        .containsPattern("MonitoringPlugin_nativeBytes_Value\\{[^}]*} 3145728");
  }

  @Test
  void theEventLogOfALongTrainingStaysSmall() throws Exception {
    List<String> log = eventLogOf(5_000);
    assertThat(log.size()).isBetween(500, 700);
    assertThat(log.stream().mapToInt(String::length).sum()).isLessThan(400_000);
  }

  /** A History Server's page, made from the lines of an event log. */
  private static SparkUI replay(List<String> log) {
    SparkConf conf = new SparkConf(false).set("spark.ui.port", "0");
    ElementTrackingStore store = new ElementTrackingStore(new InMemoryStore(), conf);
    MoeHistoryPlugin plugin = new MoeHistoryPlugin();
    SparkListener listener = plugin.createListeners(conf, store).head();
    log.forEach(line -> listener.onOtherEvent(JsonProtocol.sparkEventFromJson(line)));
    SparkUI ui =
        SparkUI.create(
            Option.empty(),
            new AppStatusStore(store, Option.empty(), Option.empty()),
            conf,
            new SecurityManager(conf, Option.empty(), null),
            "replayed",
            "",
            0,
            "4");
    plugin.setupUI(ui);
    ui.bind();
    ui.attachAllHandlers();
    return ui;
  }

  @Test
  void theHistoryServerShowsTheTrainingFromTheEventLog(@TempDir Path directory) throws Exception {
    SparkUI ui = replay(eventLogOf(20));
    try {
      String root = "http://127.0.0.1:" + ui.boundPort();
      assertShowsTraining(get(root, "/MoE/"));
      assertBrowserShowsHeatMap(root + "/MoE/", directory);
    } finally {
      ui.stop();
    }
  }

  private static void assertBrowserShowsHeatMap(String url, Path directory) throws Exception {
    boolean installed =
        Arrays.stream(System.getenv("PATH").split(File.pathSeparator))
            .anyMatch(folder -> Files.isExecutable(Path.of(folder, "chromium")));
    assumeThat(installed).as("chromium is not installed: no look by a browser").isTrue();
    Path picture = directory.resolve("tab.png");
    Process browser =
        new ProcessBuilder(
                "chromium",
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-quic",
                "--no-first-run",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
                "--user-data-dir=" + directory.resolve("profile"),
                "--window-size=1200,3000",
                "--screenshot=" + picture,
                url)
            .redirectErrorStream(true)
            .redirectOutput(directory.resolve("chromium.log").toFile())
            .start();
    assertThat(browser.waitFor(90, TimeUnit.SECONDS)).isTrue();
    BufferedImage image = ImageIO.read(picture.toFile());
    Set<Integer> colours = new HashSet<>();
    for (int y = 0; y < image.getHeight(); y++) {
      for (int x = 0; x < image.getWidth(); x++) {
        colours.add(image.getRGB(x, y));
      }
    }
    assertThat(colours).contains(DARKEST, BRIGHTEST);
  }
}
