package org.sparkmoe.moe;

import java.util.ArrayList;
import java.util.List;
import org.bytedeco.pytorch.AutoGradMode;
import org.bytedeco.pytorch.Tensor;
import org.jspecify.annotations.Nullable;
import org.sparkmoe.moe.ExpertVisit.Schedule;
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
  private final int layer;
  private final Router router;
  private final ExpertVisit visit;
  private final @Nullable SharedExperts shared;
  private final List<Hook> hooks;
  private final List<Parameter> parameters;
  private MoeExecution execution = MoeExecution.sequential(1, 1);

  MoeLayer(
      int layer,
      Router router,
      ExpertVisit visit,
      @Nullable SharedExperts shared,
      List<Hook> hooks) {
    this.layer = layer;
    this.router = router;
    this.visit = visit;
    this.shared = shared;
    this.hooks = List.copyOf(hooks);
    List<Parameter> all = new ArrayList<>(router.gate().parameters());
    all.addAll(visit.exchange().expert().parameters());
    if (shared != null) {
      all.addAll(shared.expert().parameters());
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
    return layer;
  }

  /** This rank's experts, for a profiler to run apart from the layer. */
  public Expert experts() {
    return visit.exchange().expert();
  }

  /** El, number of experts on this rank. */
  public int localExperts() {
    return visit.exchange().shape().localExperts();
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
   * Runs the layer and records it.
   *
   * @param tokensSM {@code [S, M]} of the compute type, S the same on all ranks
   * @throws IllegalArgumentException if {@code moe.routing-group} does not divide S
   */
  public MoeOutput forward(SegmentTape tape, Tensor tokensSM, StepContext context) {
    MoeExecution by = execution;
    LayerHooks hooked = new LayerHooks(hooks, layer, context, tape.isAgain());
    try (AutoGradMode off = new AutoGradMode(false)) {
      Tensor tokens = hooked.onTape(tape, HookPoint.BEFORE_MOE_START, tokensSM);
      int parts = degreesMultiple(by);
      Routed routed = router.route(tape, tokens, context, parts);
      Tensor output = visit.run(tape, tokens, routed.routing(), hooked, new Schedule(by, parts));
      output = withResidual(tape, output, tokens, routed.residualS1());
      output = shared == null ? output : sum(tape, output, shared.run(tape, tokens));
      output = hooked.onTape(tape, HookPoint.BEFORE_MOE_END, output);
      return new MoeOutput(output, routed.auxLoss(), routed.stats());
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
    int forward = degree(execution.forward());
    int backward = degree(execution.backward());
    int a = forward;
    int b = backward;
    while (b != 0) {
      int rest = a % b;
      a = b;
      b = rest;
    }
    return forward / a * backward;
  }

  private static int degree(TaskGraph graph) {
    int chunks = LayerPass.chunks(graph);
    if (chunks == 0) {
      throw new IllegalArgumentException(
          "graph %s has no task expert.0: must have at least one chunk".formatted(graph.name()));
    }
    return chunks;
  }
}
