package org.sparkmoe.moe;

import java.util.ArrayList;
import java.util.List;
import java.util.function.UnaryOperator;
import org.bytedeco.pytorch.AutoGradMode;
import org.bytedeco.pytorch.Tensor;
import org.jspecify.annotations.Nullable;
import org.sparkmoe.moe.ExpertVisit.Schedule;
import org.sparkmoe.moe.LayerPass.Cut;
import org.sparkmoe.moe.Router.Outcome;
import org.sparkmoe.moe.Router.Routed;
import org.sparkmoe.schedule.graph.TaskGraph;
import org.sparkmoe.tensor.Parameter;
import org.sparkmoe.tensor.ParameterInitializer;
import org.sparkmoe.tensor.SegmentTape;
import org.sparkmoe.topology.RankGroups;

/**
 * One Mixture-of-Experts layer on one rank. The package draws its data flow.
 *
 * <p>All ranks call {@link #forward} at the same time with equally many tokens, and go through
 * backward in the same order. A logit that is not a number makes the output of its own token not a
 * number, and the auxiliary loss; other tokens are routed as ever.
 */
public final class MoeLayer {
  private final Modules modules;
  private final List<Parameter> parameters;
  private MoeExecution execution = MoeExecution.sequential(1, 1);

  /** What the layer consists of. */
  record Modules(
      int layer,
      Router router,
      ExpertVisit visit,
      @Nullable SharedExperts shared,
      List<Hook> hooks) {

    /** Adds to the experts' {@code output} what does not come from them. */
    Tensor completed(
        SegmentTape tape, Tensor output, Tensor tokens, Routed routed, LayerHooks hooked) {
      Tensor sum = withResidual(tape, output, tokens, routed.residualS1());
      sum = shared == null ? sum : sum(tape, sum, shared.run(tape, tokens));
      return hooked.onTape(tape, HookPoint.BEFORE_MOE_END, sum);
    }
  }

  MoeLayer(Modules modules) {
    this.modules = modules;
    List<Parameter> all = new ArrayList<>(modules.router().gate().parameters());
    all.addAll(modules.visit().exchange().expert().parameters());
    if (modules.shared() != null) {
      all.addAll(modules.shared().expert().parameters());
    }
    this.parameters = List.copyOf(all);
  }

  /**
   * Makes the layer as {@code config} says, run sequentially until {@link #scheduleBy}.
   *
   * @param name prefix of parameter names, for example {@code layers.0.moe}
   * @param layer its index, from 0
   * @param modelWidth M
   * @throws IllegalArgumentException with every problem found, one a line, full keys
   */
  public static MoeLayer create(
      String name,
      int layer,
      MoeConfig config,
      int modelWidth,
      RankGroups groups,
      ParameterInitializer initializer) {
    return new LayerAssembly(name, layer, config, modelWidth, groups, initializer).assemble();
  }

  /** Index of its block in the model, from 0. */
  public int layer() {
    return modules.layer();
  }

  /** This rank's experts, for a profiler to run apart from the layer. */
  public Expert experts() {
    return modules.visit().exchange().expert();
  }

  /** El, number of experts on this rank. */
  public int localExperts() {
    return modules.visit().exchange().shape().localExperts();
  }

  /**
   * Gate and order, for a profiler to run apart from the layer.
   *
   * @param norm of the layer's tokens {@code [S, M]}
   */
  public RoutingTrial routingTrial(UnaryOperator<Tensor> norm) {
    return new RoutingTrial(modules, norm);
  }

  /** From the next forward on, tasks run this way. */
  public void scheduleBy(MoeExecution execution) {
    this.execution = execution;
  }

  /** This rank's parameters: the gate's, the experts', the shared experts'. */
  public List<Parameter> parameters() {
    return parameters;
  }

  /**
   * Whether a schedule may have chunks of {@code chunk} consecutive tokens routed by themselves:
   * the gate decides so, by its {@link Gate.Reach} and the routing groups, and there are no hooks,
   * which see all tokens of a rank at their outer points.
   *
   * @param tokens S
   */
  public boolean routesByChunk(long tokens, long chunk) {
    return modules.hooks().isEmpty() && modules.router().decidesByChunk(tokens, chunk);
  }

  /** Whether chunks that are routed by themselves go back as they came: see {@link MoeChunks}. */
  public boolean chunksGoBackAsTheyCame() {
    return modules.visit().dropless();
  }

  /**
   * Begins a pass as tasks of a graph over several blocks.
   *
   * @param tokens S
   * @param pieces 1, or a number of pieces that {@link #routesByChunk}
   * @param forwardPrefix of the ids of this layer's tasks in {@code graphs.forward()}
   * @param backwardPrefix of the ids of this layer's tasks in {@code graphs.backward()}
   */
  public MoeChunks chunks(
      StepContext context,
      long tokens,
      int pieces,
      MoeExecution graphs,
      String forwardPrefix,
      String backwardPrefix) {
    Cut forward = Cut.of(graphs.forward(), forwardPrefix);
    Cut backward = Cut.of(graphs.backward(), backwardPrefix);
    return new MoeChunks(modules, context, tokens, pieces, forward, backward);
  }

  /**
   * Runs the layer and records it.
   *
   * @param tokensSM {@code [S, M]} of the compute type, S the same on all ranks
   * @throws IllegalArgumentException if {@code moe.routing-group} does not divide S
   */
  public MoeOutput forward(SegmentTape tape, Tensor tokensSM, StepContext context) {
    MoeExecution by = execution;
    LayerHooks hooked = new LayerHooks(modules.hooks(), modules.layer(), context, tape.isAgain());
    try (AutoGradMode off = new AutoGradMode(false)) {
      Tensor tokens = hooked.onTape(tape, HookPoint.BEFORE_MOE_START, tokensSM);
      int parts = degreesMultiple(by);
      Router router = modules.router();
      GateStep step = router.step(tape, context, tokens.size(0), parts);
      Routed routed = router.route(tape, tokens, step);
      Outcome outcome = router.finish(tape, routed.losses(), routed.counts(), step);
      Schedule schedule = new Schedule(by, parts);
      Tensor output = modules.visit().run(tape, tokens, routed.routing(), hooked, schedule);
      output = modules.completed(tape, output, tokens, routed, hooked);
      return new MoeOutput(output, outcome.auxLoss(), outcome.routing());
    }
  }

  private static Tensor withResidual(
      SegmentTape tape, Tensor output, Tensor tokens, @Nullable Tensor residualS1) {
    if (residualS1 == null) {
      return output;
    }
    return tape.compute(
            new Tensor[] {output, tokens, residualS1},
            in -> new Tensor[] {in[0].add(in[1].mul(in[2].to(in[1].scalar_type())))})[0];
  }

  private static Tensor sum(SegmentTape tape, Tensor left, Tensor right) {
    return tape.record(
            new Tensor[] {left, right},
            new Tensor[] {left.add(right)},
            gradients -> new @Nullable Tensor[] {gradients[0], gradients[0]})[0];
  }

  private static int degreesMultiple(MoeExecution execution) {
    return leastCommonMultiple(degree(execution.forward()), degree(execution.backward()));
  }

  static int leastCommonMultiple(int first, int second) {
    int a = first;
    int b = second;
    while (b != 0) {
      int rest = a % b;
      a = b;
      b = rest;
    }
    return first / a * second;
  }

  private static int degree(TaskGraph graph) {
    int chunks = Cut.of(graph).chunks();
    if (chunks == 0) {
      throw new IllegalArgumentException(
          "graph %s has no task expert.0: must have at least one chunk".formatted(graph.name()));
    }
    return chunks;
  }
}
