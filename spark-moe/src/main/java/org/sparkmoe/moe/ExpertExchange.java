package org.sparkmoe.moe;

import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Tensor;
import org.jspecify.annotations.Nullable;
import org.sparkmoe.kernel.RowGroups;
import org.sparkmoe.moe.LayerPass.Cut;
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
   * @param byRow of this rank's tokens
   * @param parts L
   */
  ExchangeRows ragged(PackedRouting byRow, int parts) {
    if (parts == 1 && hostNeedsNoCounts()) {
      return EvenRows.ofOneRank(byRow);
    }
    Tensor countsE = byRow.countsE().contiguous();
    return ragged(RowCounts.exchange(shape, countsE, roads.dispatch(), roads.esp(), parts));
  }

  /** As {@link #ragged}, in one part, while other rows may be on their way to and from experts. */
  ExchangeRows raggedBesideOthers(PackedRouting byRow) {
    return hostNeedsNoCounts()
        ? EvenRows.ofOneRank(byRow)
        : ragged(roads.counts().exchange(shape, byRow.countsE().contiguous()));
  }

  /** Nobody sends rows, and products take the numbers of rows from the device. */
  private boolean hostNeedsNoCounts() {
    return shape.sources() == 1 && expert.grouped().isPresent();
  }

  private RaggedRows ragged(RowCounts counts) {
    return new RaggedRows(counts, !each.isEmpty(), expert.grouped().isPresent());
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
    TaskGraph graph = execution.forward();
    Journeys journeys = new Journeys(rows, hooks, ordered, Cut.of(graph));
    execution.run(graph, journeys.forward());
    return tape.record(
            new Tensor[] {ordered},
            new Tensor[] {journeys.result()},
            gradients -> {
              Tensor gradient = gradients[0];
              return new @Nullable Tensor[] {
                gradient == null ? null : backward(journeys, gradient, execution)
              };
            })[0];
  }

  private static Tensor backward(Journeys there, Tensor gradient, MoeExecution execution) {
    TaskGraph graph = execution.backward();
    there.turn(gradient.contiguous(), Cut.of(graph));
    execution.run(graph, there.backward());
    return there.gradient();
  }

  private List<ExpertPass> begin(ExchangeRows rows, Tensor allRows) {
    List<ExpertBatch> batches = rows.batches();
    Optional<RowGroups> groups = rows.groups(allRows.device());
    if (groups.isPresent()) {
      return List.of(GroupedPass.begin(expert.grouped().orElseThrow(), allRows, groups.get()));
    }
    return IntStream.range(0, batches.size())
        .mapToObj(
            b -> {
              ExpertBatch batch = batches.get(b);
              boolean whole = batch.experts() == shape.localExperts();
              return (whole ? expert : each.get(b)).begin(batch.of(allRows));
            })
        .toList();
  }

  /** The same rows forward and, later, their gradients backward. */
  final class Journeys {
    private final ExchangeRows rows;
    private final LayerHooks hooks;
    private final LayerPass forward;
    private final List<ExpertPass> begun;
    private final Map<String, Runnable> forwardBodies;
    private @Nullable LayerPass backward;
    private Map<String, Runnable> backwardBodies = Map.of();

    /**
     * @param ordered as in {@link #run}; may be filled until the first dispatch
     */
    Journeys(ExchangeRows rows, LayerHooks hooks, Tensor ordered, Cut cut) {
      this.rows = rows;
      this.hooks = hooks;
      this.forward = along(Journey.forward(hooks), ordered, cut);
      this.begun = begin(rows, forward.rows());
      this.forwardBodies = forward.bodies(new ForwardWork(begun));
    }

    private LayerPass along(Journey journey, Tensor source, Cut cut) {
      boolean local = shape.sources() == 1 && hooks.none() && rows.inPlace();
      return new LayerPass(rows, roads, journey, source, local, cut);
    }

    Map<String, Runnable> forward() {
      return forwardBodies;
    }

    /** Complete when forward has run. */
    Tensor result() {
      return forward.result();
    }

    /**
     * Begins the way back.
     *
     * @param gradient of the result, contiguous; may be filled until the first dispatch
     */
    void turn(Tensor gradient, Cut cut) {
      LayerPass pass = along(Journey.backward(hooks), gradient, cut);
      List<Tensor> gradients = rows.batches().stream().map(batch -> batch.of(pass.rows())).toList();
      backwardBodies = pass.bodies(new BackwardWork(begun, gradients));
      backward = pass;
    }

    /** After {@link #turn}. */
    Map<String, Runnable> backward() {
      return backwardBodies;
    }

    /** Gradient of what was ordered, complete when backward has run. */
    Tensor gradient() {
      return Objects.requireNonNull(backward).result();
    }
  }

  /** Leaves nothing undefined in rows that belong to no expert: orders and hooks may read them. */
  private record GroupedPass(ExpertPass pass, RowGroups groups) implements ExpertPass {

    static ExpertPass begin(Expert.Grouped experts, Tensor allRows, RowGroups groups) {
      Tensor inputRM = allRows.narrow(0, 0, groups.rows());
      return new GroupedPass(experts.begin(inputRM, groups), groups);
    }

    @Override
    public void forward(long first, Tensor output) {
      pass.forward(first, output);
      groups.clearRest(output.squeeze(0));
    }

    @Override
    public void backward(long first, Tensor outputGradient, Tensor inputGradient) {
      pass.backward(first, outputGradient, inputGradient);
      groups.clearRest(inputGradient.squeeze(0));
    }

    @Override
    public void weightGradient(long first, Tensor outputGradient) {
      pass.weightGradient(first, outputGradient);
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
