package org.sparkmoe.schedule.cost;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import java.nio.file.Path;
import java.util.EnumMap;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;

/**
 * A cluster by its cost models, as {@code conf/testbeds/*.conf} describe one.
 *
 * @param name one word
 * @param nodes number of nodes
 * @param ranksPerNode G, which is N_MP and N_ESP as well
 * @param allToAll per element
 * @param allGather per element
 * @param reduceScatter per element
 * @param allReduce per element
 * @param experts forward, per multiply-add
 * @param attention forward, per multiply-add, by sequence length
 */
public record Testbed(
    String name,
    int nodes,
    int ranksPerNode,
    CostModel allToAll,
    CostModel allGather,
    CostModel reduceScatter,
    CostModel allReduce,
    Map<ExpertType, CostModel> experts,
    Map<Integer, CostModel> attention) {

  public Testbed {
    experts = Map.copyOf(experts);
    attention = Map.copyOf(attention);
  }

  /**
   * Reads a testbed file.
   *
   * @throws com.typesafe.config.ConfigException if a key is missing or has the wrong type
   */
  public static Testbed read(Path file) {
    return of(ConfigFactory.parseFile(file.toFile()).resolve());
  }

  static Testbed of(Config config) {
    Config testbed = config.getConfig("testbed");
    double unit = testbed.getDouble("communication-units-per-element");
    Map<ExpertType, CostModel> experts = new EnumMap<>(ExpertType.class);
    for (ExpertType type : ExpertType.values()) {
      experts.put(type, model(testbed, "expert." + type.name().toLowerCase(Locale.ROOT)));
    }
    Map<Integer, CostModel> attention = new TreeMap<>();
    for (String length : testbed.getObject("attention").keySet()) {
      attention.put(Integer.valueOf(length), model(testbed, "attention.\"" + length + "\""));
    }
    return new Testbed(
        testbed.getString("name"),
        testbed.getInt("nodes"),
        testbed.getInt("ranks-per-node"),
        model(testbed, "all-to-all").perUnit(unit),
        model(testbed, "all-gather").perUnit(unit),
        model(testbed, "reduce-scatter").perUnit(unit),
        model(testbed, "all-reduce").perUnit(unit),
        experts,
        attention);
  }

  private static CostModel model(Config config, String key) {
    return new CostModel(config.getDouble(key + ".alpha"), config.getDouble(key + ".beta"));
  }

  /** Work of one rank for {@code shape} on this testbed. */
  public LayerWorkload workload(LayerShape shape) {
    return shape.workload(ranksPerNode, ranksPerNode);
  }

  /**
   * The models that hold for {@code shape}.
   *
   * @throws IllegalArgumentException if attention was not measured for its sequence length
   */
  public CostModels models(LayerShape shape) {
    CostModel attentionModel = attention.get(shape.sequence());
    if (attentionModel == null) {
      throw new IllegalArgumentException(
          "testbed %s: no attention model for sequence length %d, must be one of %s"
              .formatted(name, shape.sequence(), new TreeMap<>(attention).keySet()));
    }
    return new CostModels(
        allToAll, allGather, reduceScatter, allReduce, experts.get(shape.expert()), attentionModel);
  }

  /** The same cluster with fewer nodes and the links measured there. */
  public Testbed withNodes(int fewerNodes, CostModel newAllToAll, CostModel newAllReduce) {
    return new Testbed(
        name,
        fewerNodes,
        ranksPerNode,
        newAllToAll,
        allGather,
        reduceScatter,
        newAllReduce,
        experts,
        attention);
  }
}
