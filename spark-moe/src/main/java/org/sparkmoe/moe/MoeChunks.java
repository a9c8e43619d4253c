package org.sparkmoe.moe;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Tensor;
import org.jspecify.annotations.Nullable;
import org.sparkmoe.moe.ExpertExchange.Journeys;
import org.sparkmoe.moe.ExpertVisit.Ordered;
import org.sparkmoe.moe.LayerPass.Cut;
import org.sparkmoe.moe.Router.Outcome;
import org.sparkmoe.moe.Router.Routed;
import org.sparkmoe.tensor.SegmentTape;
import org.sparkmoe.tensor.ValueGradients;

/**
 * One pass of an MoE layer whose tasks belong to a graph over several blocks (FlowMoE, arXiv
 * 2510.00207): tokens come in pieces, each routed and given back by itself, while others travel.
 *
 * <p>A piece is all of the rank's tokens where the gate must see them at once. Then the tasks
 * between route and output are cut as in {@link MoeLayer#forward}, in backward by another number.
 * Otherwise chunks follow pieces:
 *
 * <ul>
 *   <li>If capacity bounds the rows, the places of a piece are consecutive places of each expert,
 *       so a chunk is a slice of one buffer and holds one or several pieces.
 *   <li>If every token is kept, the rows of a piece are known only when it is routed: each is an
 *       exchange of its own, and both directions have as many chunks as pieces.
 * </ul>
 *
 * <p>Methods are bodies of tasks: any thread, in the order of the graph, without autograd, in a
 * scope that lives until backward has ended.
 */
public final class MoeChunks {
  private final MoeLayer.Modules modules;
  private final LayerHooks hooks;
  private final StepContext context;
  private final long tokens;
  private final Cut forward;
  private final Cut backward;
  private final @Nullable Piece[] pieces;
  private final List<@Nullable Tensor> lossGradients = new ArrayList<>();
  private @Nullable Buffer buffer;

  /** A run of tokens that the gate sees at once. */
  private static final class Piece {
    private final Tensor tokens;
    private final Routed routed;
    private final Ordered ordered;

    /** Its own, from its first dispatch on; null if the layer's buffer has its rows. */
    private @Nullable Journeys journeys;

    private @Nullable Tensor results;

    Piece(Tensor tokens, Routed routed, Ordered ordered) {
      this.tokens = tokens;
      this.routed = routed;
      this.ordered = ordered;
    }

    Tensor results() {
      return Objects.requireNonNull(results);
    }
  }

  /** Rows of all pieces in one buffer {@code [E, C, M]}. */
  private static final class Buffer {
    private final Journeys journeys;
    private final Tensor ordered;
    private @Nullable Tensor gradient;

    Buffer(Journeys journeys, Tensor ordered) {
      this.journeys = journeys;
      this.ordered = ordered;
    }
  }

  /**
   * @param tokens S
   * @param pieces of which both numbers of chunks are divisors, or 1
   */
  MoeChunks(
      MoeLayer.Modules modules,
      StepContext context,
      long tokens,
      int pieces,
      Cut forward,
      Cut backward) {
    this.modules = modules;
    this.hooks = new LayerHooks(modules.hooks(), modules.layer(), context, false);
    this.context = context;
    this.tokens = tokens;
    this.forward = forward;
    this.backward = backward;
    this.pieces = new @Nullable Piece[pieces];
  }

  /** Number of pieces. */
  public int pieces() {
    return pieces.length;
  }

  /**
   * Routes a piece and puts its tokens into the experts' order.
   *
   * @param piece index, in the order of the calls
   * @param tokensSM {@code [S/pieces, M]} of the compute type
   */
  public void route(SegmentTape tape, int piece, Tensor tokensSM) {
    Tensor entering = hooks.onTape(tape, HookPoint.BEFORE_MOE_START, tokensSM);
    boolean whole = pieces.length == 1;
    int parts = whole ? MoeLayer.leastCommonMultiple(forward.chunks(), backward.chunks()) : 1;
    GateStep step = modules.router().step(tape, contextOf(piece), entering.size(0), parts);
    Routed routed = modules.router().route(tape, entering, step);
    ExpertVisit visit = modules.visit();
    Ordered ordered =
        whole
            ? visit.order(tape, entering, routed.routing(), parts)
            : visit.orderBesideOthers(tape, entering, routed.routing());
    pieces[piece] = new Piece(entering, routed, ordered);
    if (!whole && !visit.isRagged(routed.routing())) {
      place(buffer(ordered).ordered, piece, ordered.buffer());
    }
  }

  private StepContext contextOf(int piece) {
    return context.from(context.firstToken() + piece * (tokens / pieces.length));
  }

  private static Cut one(Cut cut) {
    return new Cut(1, cut.separateWeightGradient());
  }

  private Journeys journeys(ExchangeRows rows, Tensor ordered, Cut cut) {
    return modules.visit().exchange().new Journeys(rows, hooks, ordered, cut);
  }

  private Buffer buffer(Ordered first) {
    if (buffer == null) {
      Tensor rows = first.buffer();
      long capacity = rows.size(1) * pieces.length;
      Tensor all = rows.new_empty(rows.size(0), capacity, rows.size(2));
      ExchangeShape shape = modules.visit().exchange().shape();
      EvenRows even = EvenRows.of(shape, capacity, pieces.length);
      buffer = new Buffer(journeys(even, all, forward), all);
    }
    return buffer;
  }

  private void place(Tensor all, int piece, Tensor rows) {
    slice(all, piece).copy_(rows);
  }

  private Tensor slice(Tensor all, int piece) {
    long size = all.size(1) / pieces.length;
    return all.narrow(1, piece * size, size);
  }

  /**
   * One of the tasks between route and output.
   *
   * @param task as in {@link MoeExecution}, without the chunk's number
   */
  public void forward(String task, int chunk) {
    boolean whole = pieces.length == 1;
    if (buffer == null && task.equals("dispatch")) {
      // Not when it is routed: ranks that agree on rows wait behind what travels.
      Piece piece = piece(whole ? 0 : chunk);
      if (piece.journeys == null) {
        ExchangeRows rows = piece.ordered.agreed().get();
        piece.journeys = journeys(rows, piece.ordered.buffer(), whole ? forward : one(forward));
      }
    }
    if (buffer != null) {
      run(buffer.journeys.forward(), task, chunk);
    } else if (whole) {
      run(journeys(0).forward(), task, chunk);
    } else {
      run(journeys(chunk).forward(), task, 0);
    }
  }

  /** The same in backward, between {@link #turn} and {@link #routeBackward}. */
  public void backward(String task, int chunk) {
    if (buffer != null) {
      run(buffer.journeys.backward(), task, chunk);
    } else if (pieces.length == 1) {
      run(journeys(0).backward(), task, chunk);
    } else {
      run(journeys(chunk).backward(), task, 0);
    }
  }

  private static void run(Map<String, Runnable> bodies, String task, int chunk) {
    Objects.requireNonNull(bodies.get(task + "." + chunk), task).run();
  }

  private Journeys journeys(int piece) {
    return Objects.requireNonNull(piece(piece).journeys);
  }

  private Piece piece(int index) {
    return Objects.requireNonNull(pieces[index], "piece is not routed");
  }

  /**
   * The layer's output for a piece, when its rows are back.
   *
   * @return {@code [S/pieces, M]}
   */
  public Tensor output(SegmentTape tape, int index) {
    Piece piece = piece(index);
    piece.results =
        buffer == null ? journeys(index).result() : slice(buffer.journeys.result(), index);
    Tensor output = ExpertVisit.inverse(tape, piece.results(), piece.ordered);
    return modules.completed(tape, output, piece.tokens, piece.routed, hooks);
  }

  /** Sends the gradient of a piece's results on its way, when the tape of its output has run. */
  public void turn(int index, ValueGradients gradients) {
    Piece piece = piece(index);
    Tensor found = gradients.take(piece.results());
    Tensor gradient = found == null ? piece.results().new_zeros(shape(piece)) : found;
    if (buffer == null) {
      journeys(index).turn(gradient.contiguous(), pieces.length == 1 ? backward : one(backward));
      return;
    }
    if (buffer.gradient == null) {
      buffer.gradient = buffer.ordered.new_empty(buffer.ordered.sizes().vec().get());
      buffer.journeys.turn(buffer.gradient, backward);
    }
    place(buffer.gradient, index, gradient);
  }

  private static long[] shape(Piece piece) {
    return piece.results().sizes().vec().get();
  }

  /** Gives what {@link #route} left its gradients, when the rows' gradients are back. */
  public void routeBackward(int index, ValueGradients gradients) {
    Piece piece = piece(index);
    Tensor back =
        buffer == null ? journeys(index).gradient() : slice(buffer.journeys.gradient(), index);
    gradients.add(piece.ordered.buffer(), back);
    for (int i = 0; i < lossGradients.size(); i++) {
      Tensor gradient = lossGradients.get(i);
      if (gradient != null) {
        gradients.add(piece.routed.losses().get(i).sumsN(), gradient);
      }
    }
  }

  /**
   * Sums of the auxiliary losses over all pieces, when all are routed; what {@link #finish} takes.
   */
  public Tensor[] lossSums() {
    return IntStream.range(0, piece(0).routed.losses().size())
        .mapToObj(
            i ->
                IntStream.range(0, pieces.length)
                    .mapToObj(p -> piece(p).routed.losses().get(i).sumsN())
                    .reduce(Tensor::add)
                    .orElseThrow())
        .toArray(Tensor[]::new);
  }

  /** Gradients of {@link #lossSums}, before backward; null where nothing flowed back. */
  public void seed(@Nullable Tensor[] gradients) {
    lossGradients.addAll(Arrays.asList(gradients));
  }

  /**
   * What the layer leaves beside its output. Sums over ranks: all call it at the same time.
   *
   * @param sums as {@link #lossSums} gave them, on the tape
   * @param output of the layer
   */
  public MoeOutput finish(SegmentTape tape, Tensor[] sums, Tensor output) {
    List<SharedLoss> losses = new ArrayList<>();
    for (int i = 0; i < sums.length; i++) {
      losses.add(piece(0).routed.losses().get(i).with(sums[i]));
    }
    Tensor counts =
        IntStream.range(0, pieces.length)
            .mapToObj(p -> piece(p).routed.counts())
            .reduce(Tensor::add)
            .orElseThrow();
    GateStep step = modules.router().step(tape, context, tokens, 1);
    Outcome outcome = modules.router().finish(tape, losses, counts, step);
    return new MoeOutput(output, outcome.auxLoss(), outcome.routing());
  }
}
