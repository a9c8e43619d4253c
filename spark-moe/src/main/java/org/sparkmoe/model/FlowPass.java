package org.sparkmoe.model;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.function.IntConsumer;
import org.bytedeco.pytorch.AutoGradMode;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.jspecify.annotations.Nullable;
import org.sparkmoe.model.BlockFlow.FlowLayer;
import org.sparkmoe.moe.MoeChunks;
import org.sparkmoe.moe.MoeExecution;
import org.sparkmoe.schedule.graph.TaskGraph;
import org.sparkmoe.tensor.SegmentTape;
import org.sparkmoe.tensor.TensorScope;
import org.sparkmoe.tensor.ValueGradients;

/**
 * One pass of {@link BlockFlow}. Tokens of a rank are cut into pieces, as many as the least common
 * multiple of both directions' chunks, so that a chunk of either is a run of whole pieces.
 *
 * <p>Every task of computation has a tape of its own for each piece; they hand values to each other
 * by identity, and their gradients through {@link ValueGradients}. What tasks make lives until
 * backward has ended.
 */
final class FlowPass {
  private final List<FlowLayer> layers;
  private final SequenceParallel ranks;
  private final int mp;
  private final MoeExecution graphs;
  private final ForwardPass pass;
  private final int pieces;
  private final List<LayerState> states = new ArrayList<>();
  private final ConcurrentLinkedQueue<TensorScope> kept = new ConcurrentLinkedQueue<>();
  private final ValueGradients gradients = new ValueGradients();
  private final @Nullable Tensor[] leaving;

  /** What the tasks of a layer leave to each other, by piece. */
  private static final class LayerState {
    private final FlowLayer layer;
    private final MoeChunks experts;
    private final @Nullable Tensor[] entering;
    private final @Nullable Tensor[] normed;
    private final @Nullable Tensor[] gathered;
    private final @Nullable Tensor[] partial;
    private final @Nullable Tensor[] sum;
    private final @Nullable Tensor[] attended;
    private final SegmentTape[] norms;
    private final SegmentTape[] attention;

    /** By the gate's pieces, which are as many or one. */
    private final @Nullable Tensor[] routed;

    private final SegmentTape[] gate;
    private final SegmentTape[] output;

    LayerState(FlowLayer layer, MoeChunks experts, int pieces) {
      this.layer = layer;
      this.experts = experts;
      entering = new @Nullable Tensor[pieces];
      normed = new @Nullable Tensor[pieces];
      gathered = new @Nullable Tensor[pieces];
      partial = new @Nullable Tensor[pieces];
      sum = new @Nullable Tensor[pieces];
      attended = new @Nullable Tensor[pieces];
      routed = new @Nullable Tensor[experts.pieces()];
      norms = tapes(pieces);
      attention = tapes(pieces);
      gate = tapes(experts.pieces());
      output = tapes(experts.pieces());
    }

    private static SegmentTape[] tapes(int count) {
      SegmentTape[] tapes = new SegmentTape[count];
      for (int i = 0; i < count; i++) {
        tapes[i] = new SegmentTape();
      }
      return tapes;
    }
  }

  FlowPass(
      List<FlowLayer> layers,
      SequenceParallel ranks,
      int mp,
      MoeExecution graphs,
      ForwardPass pass) {
    this.layers = layers;
    this.ranks = ranks;
    this.mp = mp;
    this.graphs = graphs;
    this.pass = pass;
    this.pieces = pieces(graphs, layers);
    this.leaving = new @Nullable Tensor[pieces];
    long tokens = pass.shape().tokens() / mp;
    for (int i = 0; i < layers.size(); i++) {
      boolean whole = count(graphs.forward(), forward(i) + "gate.") == 1;
      MoeChunks experts =
          layers
              .get(i)
              .experts()
              .chunks(pass.context(), tokens, whole ? 1 : pieces, graphs, forward(i), backward(i));
      states.add(new LayerState(layers.get(i), experts, pieces));
    }
  }

  /** Whether pieces are whole sequences. */
  static boolean fits(MoeExecution graphs, List<FlowLayer> layers, BatchShape shape, int mp) {
    return shape.batch() % ((long) mp * pieces(graphs, layers)) == 0;
  }

  private static int pieces(MoeExecution graphs, List<FlowLayer> layers) {
    int pieces = 1;
    for (int i = 0; i < layers.size(); i++) {
      pieces = lcm(pieces, count(graphs.forward(), forward(i) + "attention."));
      pieces = lcm(pieces, count(graphs.backward(), backward(i) + "attention."));
    }
    return pieces;
  }

  private static int lcm(int a, int b) {
    int multiple = a;
    while (multiple % b != 0) {
      multiple += a;
    }
    return multiple;
  }

  private static int count(TaskGraph graph, String prefix) {
    return Math.toIntExact(
        graph.tasks().stream().filter(task -> task.id().startsWith(prefix)).count());
  }

  private static String forward(int layer) {
    return "f" + layer + ".";
  }

  private static String backward(int layer) {
    return "b" + layer + ".";
  }

  Tensor run(Tensor residualSM) {
    try {
      return recorded(residualSM);
    } catch (RuntimeException | Error e) {
      close();
      throw e;
    }
  }

  private Tensor recorded(Tensor residualSM) {
    long rows = residualSM.size(0) / pieces;
    for (int p = 0; p < pieces; p++) {
      states.get(0).entering[p] = residualSM.narrow(0, p * rows, rows);
    }
    graphs.run(graphs.forward(), forwardBodies());
    List<Tensor> outputs = new ArrayList<>(List.of(joined(leaving)));
    List<Tensor[]> sums = new ArrayList<>();
    for (LayerState state : states) {
      sums.add(state.experts.lossSums());
      outputs.addAll(List.of(sums.get(sums.size() - 1)));
    }
    Tensor[] onTape =
        pass.tape()
            .record(
                new Tensor[] {residualSM},
                outputs.toArray(Tensor[]::new),
                received -> new @Nullable Tensor[] {backward(received)});
    for (int i = 0; i < states.size(); i++) {
      pass.add(states.get(i).experts.finish(pass.tape(), sums.get(i), onTape[0]));
    }
    return onTape[0];
  }

  private Tensor backward(@Nullable Tensor[] received) {
    try (AutoGradMode off = new AutoGradMode(false)) {
      int first = 1;
      for (LayerState state : states) {
        int losses = state.experts.lossSums().length;
        @Nullable Tensor[] ofLosses = new @Nullable Tensor[losses];
        System.arraycopy(received, first, ofLosses, 0, losses);
        state.experts.seed(ofLosses);
        first += losses;
      }
      Tensor gradient = received[0];
      for (int p = 0; p < pieces; p++) {
        Tensor value = value(leaving, p);
        long rows = value.size(0);
        gradients.add(
            value, gradient == null ? torch.zeros_like(value) : gradient.narrow(0, p * rows, rows));
      }
      graphs.run(graphs.backward(), backwardBodies());
      @Nullable Tensor[] ofEntering = new @Nullable Tensor[pieces];
      for (int p = 0; p < pieces; p++) {
        ofEntering[p] = gradients.take(value(states.get(0).entering, p));
      }
      return joined(ofEntering);
    } finally {
      close();
    }
  }

  private void close() {
    for (TensorScope scope = kept.poll(); scope != null; scope = kept.poll()) {
      scope.close();
    }
  }

  private Map<String, Runnable> forwardBodies() {
    Map<String, Runnable> bodies = new HashMap<>();
    for (int i = 0; i < states.size(); i++) {
      LayerState state = states.get(i);
      Bodies of = new Bodies(bodies, graphs.forward(), forward(i));
      @Nullable Tensor[] next = i + 1 < states.size() ? states.get(i + 1).entering : leaving;
      of.piecewise("mp_all_gather", pieces, p -> allGather(state, p));
      of.piecewise("attention", pieces, p -> attention(state, p));
      of.piecewise("mp_reduce_scatter", pieces, p -> reduceScatter(state, p));
      of.piecewise("gate", state.gate.length, p -> gate(state, p));
      for (String task : EXCHANGE) {
        of.chunkwise(task, chunk -> state.experts.forward(task, chunk));
      }
      of.piecewise("inverse_order", state.output.length, p -> output(state, p, next));
    }
    return bodies;
  }

  private Map<String, Runnable> backwardBodies() {
    Map<String, Runnable> bodies = new HashMap<>();
    for (int i = 0; i < states.size(); i++) {
      LayerState state = states.get(i);
      Bodies of = new Bodies(bodies, graphs.backward(), backward(i));
      of.piecewise("inverse_order", state.output.length, p -> outputBackward(state, p));
      for (String task : EXCHANGE) {
        of.chunkwise(task, chunk -> state.experts.backward(task, chunk));
      }
      of.piecewise("gate", state.gate.length, p -> gateBackward(state, p));
      of.piecewise("mp_all_gather", pieces, p -> reduceScatterBackward(state, p));
      of.piecewise("attention", pieces, p -> state.attention[p].backward(gradients));
      of.piecewise("mp_reduce_scatter", pieces, p -> allGatherBackward(state, p));
    }
    return bodies;
  }

  private static final List<String> EXCHANGE =
      List.of(
          "dispatch",
          "all_gather",
          "expert",
          "expert_weight_gradient",
          "reduce_scatter",
          "combine");

  /** Binds bodies to those tasks of a layer that its graph has. */
  private final class Bodies {
    private final Map<String, Runnable> bodies;
    private final TaskGraph graph;
    private final String prefix;

    Bodies(Map<String, Runnable> bodies, TaskGraph graph, String prefix) {
      this.bodies = bodies;
      this.graph = graph;
      this.prefix = prefix;
    }

    /** Chunk c of n does the pieces from c·all/n on. */
    void piecewise(String task, int all, IntConsumer body) {
      int count = count(graph, prefix + task + ".");
      chunkwise(
          task,
          chunk -> {
            for (int p = chunk * all / count; p < (chunk + 1) * all / count; p++) {
              body.accept(p);
            }
          });
    }

    void chunkwise(String task, IntConsumer body) {
      int count = count(graph, prefix + task + ".");
      for (int c = 0; c < count; c++) {
        int chunk = c;
        bodies.put(prefix + task + "." + chunk, () -> keeping(() -> body.accept(chunk)));
      }
    }
  }

  /** Runs the body of a task; what it makes lives until backward has ended. */
  private void keeping(Runnable body) {
    TensorScope scope = TensorScope.open();
    try (AutoGradMode off = new AutoGradMode(false)) {
      body.run();
    } finally {
      scope.suspend();
      kept.add(scope);
    }
  }

  private void allGather(LayerState state, int p) {
    BlockFlow.ShardedHalf half = Objects.requireNonNull(state.layer.alone());
    Tensor normed = state.norms[p].compute(value(state.entering, p), half.norm()::apply);
    state.normed[p] = normed;
    state.gathered[p] = ranks.gathered(normed);
  }

  private void allGatherBackward(LayerState state, int p) {
    Tensor gradient = Objects.requireNonNull(gradients.take(value(state.gathered, p)));
    gradients.add(value(state.normed, p), ranks.scattered(gradient));
    state.norms[p].backward(gradients);
  }

  private void attention(LayerState state, int p) {
    BatchShape all = pass.shape();
    BatchShape shape = new BatchShape(all.batch() / pieces, all.length());
    SegmentTape tape = state.attention[p];
    if (mp > 1) {
      BlockFlow.ShardedHalf half = Objects.requireNonNull(state.layer.alone());
      state.partial[p] =
          tape.compute(
              value(state.gathered, p),
              x -> TensorScope.compute(() -> half.function().partial(x, shape)));
      return;
    }
    ForwardPass ofPiece = new ForwardPass(tape, shape, pass.context());
    Tensor residual = value(state.entering, p);
    for (Sublayer sublayer : state.layer.dense()) {
      residual = sublayer.apply(residual, ofPiece);
    }
    state.attended[p] = residual;
  }

  private void reduceScatter(LayerState state, int p) {
    state.sum[p] = ranks.scattered(value(state.partial, p));
  }

  private void reduceScatterBackward(LayerState state, int p) {
    Tensor gradient = Objects.requireNonNull(gradients.take(value(state.sum, p)));
    gradients.add(value(state.partial, p), ranks.gathered(gradient));
  }

  private void gate(LayerState state, int g) {
    SegmentTape tape = state.gate[g];
    int each = pieces / state.gate.length;
    Tensor[] attended = new Tensor[each];
    for (int i = 0; i < each; i++) {
      attended[i] = attended(state, g * each + i, tape);
    }
    Tensor residual = attended[0];
    if (each > 1) {
      residual = tape.compute(attended, in -> new Tensor[] {torch.cat(new TensorVector(in))})[0];
    }
    state.routed[g] = residual;
    state.experts.route(tape, g, tape.compute(residual, state.layer.norm()::apply));
  }

  private Tensor attended(LayerState state, int p, SegmentTape tape) {
    if (mp == 1) {
      return value(state.attended, p);
    }
    BlockFlow.ShardedHalf half = Objects.requireNonNull(state.layer.alone());
    return tape.compute(
            new Tensor[] {value(state.entering, p), value(state.sum, p)},
            in -> new Tensor[] {half.function().addTo(in[0], in[1])})[0];
  }

  private void gateBackward(LayerState state, int g) {
    state.experts.routeBackward(g, gradients);
    state.gate[g].backward(gradients);
  }

  private void output(LayerState state, int g, @Nullable Tensor[] next) {
    SegmentTape tape = state.output[g];
    Tensor output = state.experts.output(tape, g);
    Tensor[] sum =
        tape.compute(
            new Tensor[] {value(state.routed, g), output},
            in -> pieces(in[0].add(in[1]), g, state));
    int each = sum.length;
    for (int i = 0; i < each; i++) {
      next[g * each + i] = sum[i];
    }
  }

  private Tensor[] pieces(Tensor rows, int g, LayerState state) {
    int each = pieces / state.gate.length;
    Tensor[] cut = new Tensor[each];
    long size = rows.size(0) / each;
    for (int i = 0; i < each; i++) {
      cut[i] = each == 1 ? rows : rows.narrow(0, i * size, size);
    }
    return cut;
  }

  private void outputBackward(LayerState state, int g) {
    state.output[g].backward(gradients);
    state.experts.turn(g, gradients);
  }

  private static Tensor value(@Nullable Tensor[] values, int p) {
    return Objects.requireNonNull(values[p], "a task ran before what it depends on");
  }

  private static Tensor joined(@Nullable Tensor[] parts) {
    TensorVector vector = new TensorVector();
    for (int p = 0; p < parts.length; p++) {
      vector.push_back(value(parts, p));
    }
    return torch.cat(vector);
  }
}
