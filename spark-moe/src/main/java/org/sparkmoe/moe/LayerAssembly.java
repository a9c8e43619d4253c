package org.sparkmoe.moe;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.sparkmoe.moe.LayerPass.Roads;
import org.sparkmoe.tensor.Parameter.Replication;
import org.sparkmoe.tensor.ParameterInitializer;
import org.sparkmoe.topology.RankGroups;
import org.sparkmoe.topology.Topology;

/** Puts a layer together from the modules that the configuration names. */
record LayerAssembly(
    String name,
    int layer,
    MoeConfig config,
    int modelWidth,
    RankGroups groups,
    ParameterInitializer initializer) {

  MoeLayer assemble() {
    List<String> problems = new ArrayList<>();
    checkSizes(problems);
    Gate gate = attempt(problems, this::gate);
    Expert expert = problems.isEmpty() ? attempt(problems, this::routedExperts) : null;
    OrderProvider order =
        attempt(problems, () -> find(OrderProvider.class, "order", config.order()));
    Dispatch dispatch =
        attempt(
            problems,
            () -> find(DispatchProvider.class, "dispatch", config.dispatch()).create(groups));
    List<Hook> hooks = attempt(problems, this::hooks);
    if (gate == null || expert == null || order == null || dispatch == null || hooks == null) {
      throw new IllegalArgumentException(String.join("\n", problems));
    }
    Router router =
        new Router(gate, config, layer, initializer.precision().parameterType(), groups.stage());
    ExpertExchange exchange = new ExpertExchange(shape(), roads(dispatch), expert, expert.each());
    ExpertVisit visit =
        new ExpertVisit(
            order.create(config.experts()), order.create(1), exchange, config.dropless());
    return new MoeLayer(new MoeLayer.Modules(layer, router, visit, shared(), hooks));
  }

  private Roads roads(Dispatch dispatch) {
    Topology topology = groups.topology();
    int rank = groups.rank();
    return new Roads(
        dispatch,
        groups.esp(),
        new StageCounts(groups.stage(), topology.edpIndex(rank), topology.epIndex(rank)));
  }

  private ExchangeShape shape() {
    Topology topology = groups.topology();
    return new ExchangeShape(
        topology.nEp(),
        topology.nEsp(),
        topology.espIndex(groups.rank()),
        config.experts() / topology.nEp());
  }

  private void checkSizes(List<String> problems) {
    Topology topology = groups.topology();
    divides(problems, "moe.experts", config.experts(), "ep", topology.nEp());
    divides(problems, "moe.hidden-size", config.hiddenSize(), "esp", topology.nEsp());
    divides(problems, "the model width", modelWidth, "esp", topology.nEsp());
  }

  private static void divides(
      List<String> problems, String what, int size, String group, int parts) {
    if (size % parts != 0) {
      problems.add(
          "%s is %d, must be a multiple of cluster.%s = %d".formatted(what, size, group, parts));
    }
  }

  private Gate gate() {
    GateProvider provider = find(GateProvider.class, "gate", config.gate());
    Modules.checkOptions("moe.gate-options", provider, config.gateOptions());
    return provider.create(context(".gate", config.gateOptions()));
  }

  private Expert routedExperts() {
    Topology topology = groups.topology();
    int rank = groups.rank();
    ExpertProvider provider = find(ExpertProvider.class, "expert", config.expert());
    Modules.checkOptions("moe.expert-options", provider, config.expertOptions());
    return provider.create(
        new ExpertContext(
            name + ".experts",
            config.experts(),
            topology.epIndex(rank),
            topology.nEp(),
            topology.espIndex(rank),
            topology.nEsp(),
            Replication.EXPERT_DATA,
            modelWidth,
            config.hiddenSize(),
            config.expertOptions(),
            initializer));
  }

  private @Nullable SharedExperts shared() {
    if (config.sharedExperts() == 0) {
      return null;
    }
    return new SharedExperts(
        find(ExpertProvider.class, "expert", config.expert())
            .create(
                new ExpertContext(
                    name + ".shared",
                    1,
                    0,
                    1,
                    0,
                    1,
                    Replication.WORLD,
                    modelWidth,
                    config.hiddenSize() * config.sharedExperts(),
                    config.expertOptions(),
                    initializer)));
  }

  private List<Hook> hooks() {
    List<Hook> hooks = new ArrayList<>();
    for (String hook : config.hooks()) {
      hooks.add(find(HookProvider.class, "hooks", hook).create(context(".hooks", Map.of())));
    }
    return hooks;
  }

  private ModuleContext context(String module, Map<String, String> options) {
    return new ModuleContext(
        name + module, layer, config, modelWidth, options, groups, initializer);
  }

  private static <P extends ModuleProvider> P find(Class<P> kind, String key, String value) {
    return Modules.find(kind, "moe." + key, value);
  }

  private static <T> @Nullable T attempt(List<String> problems, Supplier<T> making) {
    try {
      return making.get();
    } catch (IllegalArgumentException e) {
      problems.add(String.valueOf(e.getMessage()));
      return null;
    }
  }
}
