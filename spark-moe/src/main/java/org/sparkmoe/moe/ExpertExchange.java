package org.sparkmoe.moe;

import org.bytedeco.pytorch.Tensor;
import org.jspecify.annotations.Nullable;
import org.sparkmoe.moe.LayerPass.Journey;
import org.sparkmoe.moe.LayerPass.Roads;
import org.sparkmoe.moe.LayerPass.Work;
import org.sparkmoe.schedule.graph.TaskGraph;
import org.sparkmoe.tensor.SegmentTape;
import org.sparkmoe.topology.Topology;

/** Takes ordered tokens to the experts and their results back, by the execution's graphs. */
record ExpertExchange(Topology topology, int experts, Roads roads, Expert expert) {

  /**
   * @param orderedECM {@code [E, C, M]} contiguous
   * @return {@code [E, C, M]}
   */
  Tensor run(SegmentTape tape, Tensor orderedECM, LayerHooks hooks, MoeExecution execution) {
    ExchangeShape shape =
        new ExchangeShape(
            topology.nEp(),
            topology.nEsp(),
            experts / topology.nEp(),
            orderedECM.size(1),
            orderedECM.size(2));
    boolean local = shape.sources() == 1 && hooks.none();
    TaskGraph graph = execution.forward();
    LayerPass forward =
        new LayerPass(shape, roads, Journey.forward(hooks), orderedECM, local, graph);
    ExpertPass pass = expert.begin(forward.rows());
    execution.run(graph, forward.bodies(new ForwardWork(pass)));
    return tape.record(
            new Tensor[] {orderedECM},
            new Tensor[] {forward.result()},
            gradients -> {
              Tensor gradient = gradients[0];
              return new @Nullable Tensor[] {
                gradient == null ? null : backward(shape, gradient, hooks, pass, execution)
              };
            })[0];
  }

  private Tensor backward(
      ExchangeShape shape,
      Tensor gradientECM,
      LayerHooks hooks,
      ExpertPass pass,
      MoeExecution execution) {
    boolean local = shape.sources() == 1 && hooks.none();
    TaskGraph graph = execution.backward();
    LayerPass backward =
        new LayerPass(
            shape, roads, Journey.backward(hooks), gradientECM.contiguous(), local, graph);
    execution.run(graph, backward.bodies(new BackwardWork(pass, backward.rows())));
    return backward.result();
  }

  private record ForwardWork(ExpertPass pass) implements Work {
    @Override
    public void run(long first, Tensor output) {
      pass.forward(first, output);
    }

    @Override
    public void weightGradient(long first, long rows) {
      // Backward's.
    }
  }

  private record BackwardWork(ExpertPass pass, Tensor gradientERM) implements Work {
    @Override
    public void run(long first, Tensor inputGradient) {
      pass.backward(first, gradientERM.narrow(1, first, inputGradient.size(1)), inputGradient);
    }

    @Override
    public void weightGradient(long first, long rows) {
      pass.weightGradient(first, gradientERM.narrow(1, first, rows));
    }
  }
}
