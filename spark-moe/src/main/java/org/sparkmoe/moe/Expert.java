package org.sparkmoe.moe;

import java.util.List;
import java.util.Optional;
import java.util.function.UnaryOperator;
import org.bytedeco.pytorch.Tensor;
import org.sparkmoe.kernel.RowGroups;
import org.sparkmoe.tensor.Parameter;

/**
 * The experts of one rank: El = E/N_EP of them, each with its shard of N_ESP. The shards' outputs
 * are summed by the ESP-ReduceScatter.
 */
public interface Expert {

  List<Parameter> parameters();

  /**
   * Begins a pass. Called by the thread that owns the step's scope: buffers that backward needs are
   * allocated here, and live as long as that scope.
   *
   * @param inputERM {@code [El, R, M]} of the compute type; its rows are filled chunk by chunk,
   *     each before {@link ExpertPass#forward} is called for it
   */
  ExpertPass begin(Tensor inputERM);

  /**
   * The experts of this rank one by one, each over its own number of rows, so that none is filled
   * up to the rows of another where no token is dropped. They add to the gradients of the same
   * parameters.
   *
   * @return in the order of the experts; empty if they only work together
   */
  default List<Expert> each() {
    return List.of();
  }

  /** Experts over unequal numbers of rows, whose products are taken together. */
  @FunctionalInterface
  interface Grouped {
    /**
     * Begins a pass, as {@link Expert#begin} does. Each direction takes all rows at once.
     *
     * @param inputRM {@code [R, M]} contiguous, the rows of one expert after those of the other
     * @param groups rows of each expert of this rank; where only the device knows them, rows at the
     *     end may be no expert's: what the pass leaves in them is cleared, and gradients of weights
     *     must not take it up
     * @return whose tensors are {@code [1, R, M]}
     */
    ExpertPass begin(Tensor inputRM, RowGroups groups);
  }

  /**
   * The experts of this rank in products of all of them, where no token is dropped and layers run
   * in one chunk; empty if they are better off {@linkplain #each one by one}.
   */
  default Optional<Grouped> grouped() {
    return Optional.empty();
  }

  /**
   * Experts in plain torch operations; autograd makes the backward. It computes forward a second
   * time then, so that backward may be cut into other chunks than forward.
   *
   * @param parameters that {@code function} uses
   * @param function from {@code [El, rows, M]} to this shard's part of the output, same shape, each
   *     row for itself
   */
  static Expert of(List<Parameter> parameters, UnaryOperator<Tensor> function) {
    return new AutogradExpert(List.copyOf(parameters), function);
  }
}
