package org.sparkmoe.moe;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.bytedeco.pytorch.Tensor;
import org.sparkmoe.collective.Communicator;
import org.sparkmoe.collective.InProcessCommunicator;
import org.sparkmoe.moe.MoeConfig.Drop;
import org.sparkmoe.tensor.Parameter;
import org.sparkmoe.tensor.ParameterInitializer;
import org.sparkmoe.tensor.Precision;
import org.sparkmoe.topology.RankGroups;
import org.sparkmoe.topology.Topology;

/**
 * A gate by itself, without a layer around it: one rank, f64, every token kept and no minimum
 * capacity unless said otherwise.
 */
public final class GateFixture {
  private final String gate;
  private final int experts;
  private final int topK;
  private final Map<String, String> options = new TreeMap<>();
  private int width = 4;
  private String capacity = "*";
  private int minCapacity = 1;
  private String group = "rank";
  private Drop drop = Drop.POSITION;
  private long divisor = 1;

  private GateFixture(String gate, int experts, int topK) {
    this.gate = gate;
    this.experts = experts;
    this.topK = topK;
  }

  public static GateFixture of(String gate, int experts, int topK) {
    return new GateFixture(gate, experts, topK);
  }

  public GateFixture width(int m) {
    width = m;
    return this;
  }

  public GateFixture option(String name, String value) {
    options.put(name, value);
    return this;
  }

  public GateFixture capacity(String factor) {
    capacity = factor;
    return this;
  }

  public GateFixture minCapacity(int places) {
    minCapacity = places;
    return this;
  }

  public GateFixture group(long tokens) {
    group = String.valueOf(tokens);
    return this;
  }

  public GateFixture drop(Drop which) {
    drop = which;
    return this;
  }

  public GateFixture divisor(long degrees) {
    divisor = degrees;
    return this;
  }

  public MoeConfig config() {
    return new MoeConfig(
        experts,
        topK,
        capacity,
        gate,
        "sparse",
        "direct",
        "gpt",
        8,
        minCapacity,
        drop,
        1,
        0,
        0,
        0,
        group,
        0,
        options,
        Map.of(),
        List.of());
  }

  /** The gate with initial parameters. */
  public Gate gate() {
    return gate(Precision.F64);
  }

  public Gate gate(Precision precision) {
    GateProvider provider = Modules.find(GateProvider.class, "moe.gate", gate);
    Modules.checkOptions("moe.gate-options", provider, options);
    return provider.create(
        new ModuleContext(
            "gate",
            0,
            config(),
            width,
            options,
            groups(solo()),
            ParameterInitializer.cpu(7, precision)));
  }

  /** The gate with given parameters: name after {@code gate.}, then row-major values. */
  public Gate gate(Map<String, double[]> values) {
    Gate made = gate();
    for (Parameter parameter : made.parameters()) {
      double[] value = values.get(parameter.name().substring("gate.".length()));
      if (value != null) {
        set(parameter, value);
      }
    }
    return made;
  }

  public static void set(Parameter parameter, double... values) {
    Tensor flat = Tensor.create(values).to(parameter.value().scalar_type());
    parameter.value().detach().copy_(flat.reshape(parameter.value().sizes().vec().get()));
  }

  /** Routes in training, as the first micro-batch of the first step. */
  public GateDecision train(Gate made, Tensor tokensSM) {
    return made.route(tokensSM, step(training(tokensSM.size(0)), tokensSM.size(0), solo()));
  }

  /** Routes as the recomputation of a pass that {@link #train} has run. */
  GateDecision trainAgain(Gate made, Tensor tokensSM) {
    long tokens = tokensSM.size(0);
    return made.route(tokensSM, step(training(tokens), true, tokens, solo()));
  }

  public GateDecision evaluate(Gate made, Tensor tokensSM) {
    long tokens = tokensSM.size(0);
    return made.route(tokensSM, step(StepContext.evaluation(tokens), tokens, solo()));
  }

  public static StepContext training(long tokens) {
    return new StepContext(true, 11, 0, 0, 1, 0, tokens);
  }

  /** The step that a layer would give its gate. */
  public GateStep step(StepContext context, long tokens, Communicator world) {
    return step(context, false, tokens, world);
  }

  private GateStep step(StepContext context, boolean again, long tokens, Communicator world) {
    return new GateStep(context, again, 0, new Capacity(config(), tokens, divisor, world));
  }

  public static Communicator solo() {
    return InProcessCommunicator.group(1, Duration.ofSeconds(5)).get(0);
  }

  private static RankGroups groups(Communicator one) {
    return new RankGroups(Topology.single(), 0, one, one, one, one, one, one);
  }
}
