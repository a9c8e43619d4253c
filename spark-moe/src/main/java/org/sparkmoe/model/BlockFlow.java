package org.sparkmoe.model;

import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Tensor;
import org.jspecify.annotations.Nullable;
import org.sparkmoe.moe.MoeExecution;
import org.sparkmoe.moe.MoeLayer;
import org.sparkmoe.moe.RoutingTrial;

/**
 * The blocks of a stage up to its last MoE layer (under model parallelism from its first MoE
 * layer's block on), as tasks of one graph in each direction: attention and gate run chunk by chunk
 * beside what chunks before and after them exchange (FlowMoE, arXiv 2510.00207).
 *
 * <p>A chunk is a run of whole sequences, since attention mixes tokens within a sequence alone; it
 * has an equal part on every rank of a model-parallel group. Gates that must see more tokens than a
 * chunk's run on all of them, after the last chunk's attention ({@link MoeLayer#routesByChunk}).
 */
public final class BlockFlow {
  private final List<FlowLayer> layers;
  private final SequenceParallel ranks;
  private final int mp;
  private @Nullable MoeExecution execution;

  BlockFlow(List<FlowLayer> layers, SequenceParallel ranks, int mp) {
    this.layers = List.copyOf(layers);
    this.ranks = ranks;
    this.mp = mp;
  }

  /**
   * A MoE layer and everything dense between it and the MoE layer before.
   *
   * @param firstBlock index in the model of the first block that {@code dense} has parts of
   * @param dense half blocks, first to last, without the MoE layer
   * @param alone the only one of {@code dense} in its parts; null if there are several
   * @param norm of the MoE layer's tokens
   */
  record FlowLayer(
      int firstBlock,
      List<Sublayer> dense,
      @Nullable ShardedHalf alone,
      Norm norm,
      MoeLayer experts) {}

  /** Attention or dense feed-forward between its communication. */
  record ShardedHalf(Norm norm, ShardedSublayer function) {}

  /** Gate and order of this stage's first MoE layer, for a profiler; there must be one. */
  public RoutingTrial routingTrial() {
    FlowLayer first = layers.get(0);
    return first.experts().routingTrial(first.norm()::apply);
  }

  /** Index in the model of the block after the last of the flow. */
  int endBlock() {
    return layers.get(layers.size() - 1).experts().layer() + 1;
  }

  /**
   * Index in the model of the first block whose dense part comes after the MoE layer {@code layer -
   * 1} of this stage.
   */
  public int firstBlock(int layer) {
    return layers.get(layer).firstBlock();
  }

  /**
   * How a micro-batch may be cut.
   *
   * @param sequences of a rank: numbers of chunks of attention must divide it
   * @param gateChunks numbers of chunks that gates can decide about must divide it; 1 if they must
   *     see all tokens of a rank
   * @param sameDegrees whether backward has as many chunks as forward: where every token is kept
   *     the rows of a chunk are an exchange of its own, and of a chunk under model parallelism the
   *     message is what autograd has recorded
   */
  public record Limits(int sequences, int gateChunks, boolean sameDegrees) {}

  /**
   * @param batch B
   * @param length L
   * @return nothing if chunks cannot be whole sequences on every rank
   */
  public Optional<Limits> limits(long batch, long length) {
    boolean partsAreKnown = mp == 1 || layers.stream().allMatch(layer -> layer.alone() != null);
    if (batch % mp != 0 || layers.isEmpty() || !partsAreKnown) {
      return Optional.empty();
    }
    int sequences = Math.toIntExact(batch / mp);
    int gateChunks =
        IntStream.rangeClosed(1, sequences)
            .filter(n -> sequences % n == 0)
            .filter(n -> n == 1 || routes(sequences * length, n))
            .max()
            .orElse(1);
    boolean same =
        mp > 1 || layers.stream().anyMatch(layer -> layer.experts().chunksGoBackAsTheyCame());
    return Optional.of(new Limits(sequences, gateChunks, same));
  }

  private boolean routes(long tokens, int chunks) {
    return layers.stream()
        .allMatch(layer -> layer.experts().routesByChunk(tokens, tokens / chunks));
  }

  /**
   * From the next training pass on, blocks run by these graphs, which obey {@link #limits}: of
   * layer i of this stage {@code fi.attention.j, fi.gate.j, fi.dispatch.j, …, fi.inverse_order.j},
   * under model parallelism {@code fi.mp_all_gather.j} and {@code fi.mp_reduce_scatter.j} too, and
   * the same with {@code bi} in backward.
   */
  public void scheduleBy(MoeExecution graphs) {
    this.execution = graphs;
  }

  /** From the next pass on, blocks run one after the other again. */
  public void stop() {
    this.execution = null;
  }

  /** Whether the pass runs by graphs: it trains, and its sequences can be cut. */
  boolean takes(ForwardPass pass) {
    MoeExecution graphs = execution;
    return graphs != null
        && pass.context().training()
        && FlowPass.fits(graphs, layers, pass.shape(), mp);
  }

  /**
   * @param residualSM {@code [S, M]} on the pass's tape
   * @return {@code [S, M]} on the tape, after the last MoE layer
   */
  Tensor apply(Tensor residualSM, ForwardPass pass) {
    MoeExecution graphs = execution;
    if (graphs == null) {
      throw new IllegalStateException("no graphs to run blocks by");
    }
    return new FlowPass(layers, ranks, mp, graphs, pass).run(residualSM);
  }
}
