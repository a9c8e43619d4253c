package org.sparkmoe.moe;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.StringJoiner;
import org.junit.jupiter.api.Test;
import org.sparkmoe.tensor.Precision;
import org.sparkmoe.topology.Topology;

/**
 * Every gate in every layout against one rank. With {@code -Dgates.table=FILE} the largest relative
 * differences are written as a table.
 */
class GateTableTest {
  /** Differences of one gate in one layout to one rank, of output and aux loss, of gradients. */
  private record Cell(double forward, double backward) {}

  static Map<String, Topology> layouts() {
    Map<String, Topology> layouts = new LinkedHashMap<>();
    layouts.put("EP=4", new Topology(4, 2, 1, 4, 1));
    layouts.put("ESP=4", new Topology(4, 4, 1, 1, 4));
    layouts.put("EP=2·ESP=2", new Topology(4, 2, 1, 2, 2));
    layouts.put("MP=2·EP=2", new Topology(4, 2, 2, 2, 1));
    layouts.put("DP=2·EP=2", new Topology(2, 1, 1, 2, 1));
    layouts.put("PP=2·EP=2", new Topology(4, 2, 2, 1, 2, 1));
    return layouts;
  }

  static Map<String, MoeConfig> gates() {
    Map<String, MoeConfig> gates = new LinkedHashMap<>();
    gates.put("noisy top-k", config("noisy-top-k").build());
    gates.put("GShard, sampling", config("gshard").build());
    gates.put("GShard, random", config("gshard", "second-choice", "random").build());
    gates.put("Switch", config("switch").topK(1).build());
    gates.put("Mixtral", config("mixtral").build());
    gates.put("sigmoid, balanced", config("sigmoid").topK(1).gateOptions(Map.of()).build());
    gates.put(
        "sigmoid, greedy", config("sigmoid").gateOptions(Map.of("assignment", "greedy")).build());
    gates.put("X-MoE", config("x-moe").gateOptions(Map.of()).build());
    gates.put(
        "X-MoE, sigmoid", config("x-moe").gateOptions(Map.of("activation", "sigmoid")).build());
    gates.put("Expert Choice", config("expert-choice").build());
    gates.put("Soft MoE", config("soft").gateOptions(Map.of()).build());
    gates.put("DeepSeek-V3", config("deepseek-v3", "expert-groups", "2").sharedExperts(1).build());
    gates.put("DeepSeek-V3, sequence loss", config("deepseek-v3", "sequence-loss", "true").build());
    return gates;
  }

  private static MoeConfigBuilder config(String gate, String... option) {
    Map<String, String> options = new LinkedHashMap<>();
    options.put("init-deviation", "0.5");
    if (option.length == 2) {
      options.put(option[0], option[1]);
    }
    return new MoeConfigBuilder()
        .gate(gate)
        .gateOptions(options)
        .capacityFactor("0.8")
        .routingGroup("6")
        .importanceLoss(1e-2)
        .loadLoss(1e-2)
        .zLoss(1e-3);
  }

  @Test
  void everyLayoutComputesWhatOneRankDoes() throws IOException {
    Map<String, Map<String, Cell>> f64 = table(Precision.F64);
    Map<String, Map<String, Cell>> f32 = table(Precision.F32);
    String file = System.getProperty("gates.table");
    if (file != null) {
      Files.writeString(Path.of(file), report(f32, f64));
    }
    assertSmall(f64, 1e-12);
    assertSmall(f32, 2e-5);
  }

  private static void assertSmall(Map<String, Map<String, Cell>> table, double tolerance) {
    table.forEach(
        (gate, row) ->
            row.forEach(
                (layout, cell) ->
                    assertThat(Math.max(cell.forward, cell.backward))
                        .as("%s, %s", gate, layout)
                        .isLessThan(tolerance)));
  }

  private static Map<String, Map<String, Cell>> table(Precision precision) {
    Map<String, Map<String, Cell>> table = new LinkedHashMap<>();
    gates()
        .forEach(
            (gate, config) -> {
              MoeRun.Setup setup = MoeRun.Setup.of(config).in(precision);
              MoeRun one = MoeRun.of(setup);
              Map<String, Cell> row = new LinkedHashMap<>();
              layouts()
                  .forEach(
                      (name, layout) ->
                          row.put(name, difference(MoeRun.of(setup.on(layout)), one)));
              table.put(gate, row);
            });
    return table;
  }

  private static Cell difference(MoeRun actual, MoeRun one) {
    assertThat(actual.stats().tokensPerExpert()).isEqualTo(one.stats().tokensPerExpert());
    double forward = MoeRun.difference(actual.output(), one.output());
    double loss = MoeRun.difference(new double[] {actual.auxLoss()}, new double[] {one.auxLoss()});
    double backward = MoeRun.difference(actual.inputGradient(), one.inputGradient());
    for (String name : one.gradients().keySet()) {
      backward =
          Math.max(
              backward, MoeRun.difference(actual.gradients().get(name), one.gradients().get(name)));
      forward =
          Math.max(
              forward,
              MoeRun.difference(actual.parameters().get(name), one.parameters().get(name)));
    }
    return new Cell(Math.max(forward, loss), backward);
  }

  private static String report(
      Map<String, Map<String, Cell>> f32, Map<String, Map<String, Cell>> f64) {
    return """
        # Gates in every layout

        Largest difference to one rank over the largest magnitude: forward (output and auxiliary loss) /
        backward (gradient of the input and of every parameter). One layer in training, 24 tokens, E = 4,
        routing groups of 6 tokens, capacity factor 0.8, all auxiliary losses on; ranks are threads.
        With PP=2 the layer is on the second stage, the first one sends it tokens and receives their
        gradient. Which tokens each expert keeps is the same in every cell. Made by

            mvn -pl spark-moe -am test -Dtest=GateTableTest -Dsurefire.failIfNoSpecifiedTests=false \\
                -Dgates.table=$PWD/docs/results/gates.md

        ## f32

        %s
        ## f64

        %s"""
        .formatted(markdown(f32), markdown(f64));
  }

  private static String markdown(Map<String, Map<String, Cell>> table) {
    StringBuilder text = new StringBuilder("| gate |");
    layouts().keySet().forEach(layout -> text.append(' ').append(layout).append(" |"));
    text.append("\n|---|").append("---|".repeat(layouts().size())).append('\n');
    table.forEach(
        (gate, row) -> {
          StringJoiner cells = new StringJoiner(" | ", "| " + gate + " | ", " |\n");
          row.values().forEach(c -> cells.add("%.0e / %.0e".formatted(c.forward, c.backward)));
          text.append(cells);
        });
    return text.toString();
  }
}
