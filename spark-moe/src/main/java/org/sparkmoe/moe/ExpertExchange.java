package org.sparkmoe.moe;

import java.util.List;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Tensor;
import org.jspecify.annotations.Nullable;
import org.sparkmoe.moe.LayerPass.Journey;
import org.sparkmoe.moe.LayerPass.Roads;
import org.sparkmoe.moe.LayerPass.Work;
import org.sparkmoe.schedule.graph.TaskGraph;
import org.sparkmoe.tensor.SegmentTape;

/**
 * Takes ordered tokens to the experts and their results back, by the execution's graphs.
 *
 * @param expert all experts of this rank
 * @param each the same one by one; empty if they only work together
 */
record ExpertExchange(ExchangeShape shape, Roads roads, Expert expert, List<Expert> each) {

  /**
   * Agrees with the other ranks on how many rows travel.
   *
   * @param countsE {@code [E]} i64: rows of this rank's tokens for each expert
   * @param parts L
   */
  RaggedRows ragged(Tensor countsE, int parts) {
    RowCounts counts =
        RowCounts.exchange(shape, countsE.contiguous(), roads.dispatch(), roads.esp(), parts);
    return new RaggedRows(counts, !each.isEmpty());
  }

  /**
   * @param ordered {@code [E, C, M]} or {@code [1, R, M]} contiguous, as {@code rows} says
   * @return of the same shape
   */
  Tensor run(
      SegmentTape tape,
      Tensor ordered,
      ExchangeRows rows,
      LayerHooks hooks,
      MoeExecution execution) {
    Pass pass = new Pass(rows, hooks, execution);
    TaskGraph graph = execution.forward();
    LayerPass forward = pass.along(Journey.forward(hooks), ordered, graph);
    List<ExpertPass> begun = begin(rows.batches(), forward.rows());
    execution.run(graph, forward.bodies(new ForwardWork(begun)));
    return tape.record(
            new Tensor[] {ordered},
            new Tensor[] {forward.result()},
            gradients -> {
              Tensor gradient = gradients[0];
              return new @Nullable Tensor[] {
                gradient == null ? null : pass.backward(gradient.contiguous(), begun)
              };
            })[0];
  }

  private List<ExpertPass> begin(List<ExpertBatch> batches, Tensor allRows) {
    return IntStream.range(0, batches.size())
        .mapToObj(
            b -> {
              ExpertBatch batch = batches.get(b);
              boolean whole = batch.experts() == shape.localExperts();
              return (whole ? expert : each.get(b)).begin(batch.of(allRows));
            })
        .toList();
  }

  private final class Pass {
    private final ExchangeRows rows;
    private final LayerHooks hooks;
    private final MoeExecution execution;

    Pass(ExchangeRows rows, LayerHooks hooks, MoeExecution execution) {
      this.rows = rows;
      this.hooks = hooks;
      this.execution = execution;
    }

    LayerPass along(Journey journey, Tensor source, TaskGraph graph) {
      boolean local = shape.sources() == 1 && hooks.none() && rows.inPlace();
      return new LayerPass(rows, roads, journey, source, local, graph);
    }

    Tensor backward(Tensor gradient, List<ExpertPass> begun) {
      TaskGraph graph = execution.backward();
      LayerPass backward = along(Journey.backward(hooks), gradient, graph);
      List<Tensor> gradients =
          rows.batches().stream().map(batch -> batch.of(backward.rows())).toList();
      execution.run(graph, backward.bodies(new BackwardWork(begun, gradients)));
      return backward.result();
    }
  }

  private record ForwardWork(List<ExpertPass> passes) implements Work {
    @Override
    public void run(int batch, long first, Tensor output) {
      passes.get(batch).forward(first, output);
    }

    @Override
    public void weightGradient(int batch, long first, long rows) {
      // Backward's.
    }
  }

  private record BackwardWork(List<ExpertPass> passes, List<Tensor> gradients) implements Work {
    @Override
    public void run(int batch, long first, Tensor inputGradient) {
      Tensor gradient = gradients.get(batch).narrow(1, first, inputGradient.size(1));
      passes.get(batch).backward(first, gradient, inputGradient);
    }

    @Override
    public void weightGradient(int batch, long first, long rows) {
      passes.get(batch).weightGradient(first, gradients.get(batch).narrow(1, first, rows));
    }
  }
}
