package org.sparkmoe.train;

import java.io.Serializable;
import java.util.Comparator;
import java.util.Locale;
import org.sparkmoe.model.Architecture;
import org.sparkmoe.model.ModelConfig;
import org.sparkmoe.moe.MoeConfig;
import org.sparkmoe.tensor.Precision;
import org.sparkmoe.topology.Topology;

/**
 * How much memory a rank needs, bytes, known before anything is allocated.
 *
 * <p>Letters as in the paper (§1): T = B·L tokens of a data-parallel rank, S = T/N_MP of them its
 * own, M width, E experts of hidden size H, C places of an expert for one rank's tokens, V
 * vocabulary. Parameters, gradients and both moments are of the parameter type, activations of the
 * compute type; what autograd and the tape keep lives until the micro-batch ends, but for what
 * {@code train.recompute} computes again, of which one block at a time lives in backward. Without a
 * limit of places ({@code moe.capacity-factor = "*"}) experts are counted as evenly loaded, so that
 * an uneven gate needs more.
 *
 * @param weights parameters, and the experts' copies of theirs in the compute type
 * @param gradients one for each parameter
 * @param optimizer both moments of each parameter
 * @param activations what forward passes leave for the backward of their micro-batches, of which a
 *     pipeline stage holds several
 * @param workspace the most that is needed beside them for a moment
 * @param snapshot copies that checkpoints are written from while training goes on
 */
public record MemoryPlan(
    long weights, long gradients, long optimizer, long activations, long workspace, long snapshot)
    implements Serializable {
  /** Of the model's attention in bf16 on the CPU, tokens. */
  private static final int LONGEST_EXPLICIT = 512;

  /**
   * The shape of a run.
   *
   * @param vocabSize V
   * @param sequenceLength L
   */
  public record Sizes(int vocabSize, int sequenceLength) {}

  /** The plan of the rank that needs most. */
  public static MemoryPlan of(
      ModelConfig model, MoeConfig moe, Topology topology, TrainConfig train, Sizes sizes) {
    return StageShare.of(model, topology, train).stream()
        .map(share -> of(new Counts(model, moe, topology, train, sizes, share)))
        .max(Comparator.comparingLong(MemoryPlan::total))
        .orElseThrow();
  }

  private static MemoryPlan of(Counts counts) {
    Precision precision = counts.train().precision();
    long copy = precision == Precision.BF16 ? counts.compute() : 0;
    long parameters = counts.denseParameters() + counts.expertParameters();
    return new MemoryPlan(
        parameters * counts.parameter() + counts.expertParameters() * copy,
        parameters * counts.parameter(),
        2 * parameters * counts.parameter(),
        counts.activations(),
        counts.workspace(),
        0);
  }

  /**
   * With room for a copy of parameters and moments, for {@link CheckpointConfig#copiesState}; where
   * ranks hold copies of each other only one of them needs it.
   */
  public MemoryPlan withSnapshot() {
    return new MemoryPlan(
        weights, gradients, optimizer, activations, workspace, gradients + optimizer);
  }

  /** All of it. */
  public long total() {
    return weights + gradients + optimizer + activations + workspace + snapshot;
  }

  /** One line, for people. */
  public String describe() {
    String copies = snapshot == 0 ? "" : " + copies for checkpoints " + text(snapshot);
    return "memory of a rank: %s = weights %s + gradients %s + optimiser %s + activations %s + workspace %s%s"
        .formatted(
            text(total()),
            text(weights),
            text(gradients),
            text(optimizer),
            text(activations),
            text(workspace),
            copies);
  }

  /**
   * Refuses a plan that cannot fit.
   *
   * @param available bytes for one rank
   * @param source of that number, for the message
   * @throws IllegalArgumentException with all numbers
   */
  public void refuseBeyond(long available, String source) {
    if (total() > available) {
      throw new IllegalArgumentException(
          ("%s, but %s leaves a rank %s: lower train.micro-batch or data.sequence-length, set"
                  + " train.recompute, or spread the model over more ranks (cluster.mp, cluster.ep, cluster.esp, cluster.pp)")
              .formatted(describe(), source, text(available)));
    }
  }

  private static String text(long bytes) {
    double mebibytes = bytes / (double) (1 << 20);
    return mebibytes < 1024
        ? String.format(Locale.ROOT, "%.1f MiB", mebibytes)
        : String.format(Locale.ROOT, "%.2f GiB", mebibytes / 1024);
  }

  /** Elements and bytes of one configuration. */
  private record Counts(
      ModelConfig model,
      MoeConfig moe,
      Topology topology,
      TrainConfig train,
      Sizes sizes,
      StageShare share) {

    long parameter() {
      return train.precision() == Precision.F64 ? Double.BYTES : Float.BYTES;
    }

    long compute() {
      return train.precision() == Precision.BF16 ? Short.BYTES : parameter();
    }

    private boolean gpt2() {
      return model.architecture() == Architecture.GPT2;
    }

    private long width() {
      return (long) model.heads() * model.headWidth();
    }

    private int denseLayers() {
      return share.layers() - share.moeLayers();
    }

    private long batchTokens() {
      return (long) train.microBatch() * sizes.sequenceLength();
    }

    private long ownTokens() {
      return batchTokens() / topology.nMp();
    }

    // Parameters.

    long denseParameters() {
      long m = model.hiddenSize();
      long norm = gpt2() ? 2 * m : m;
      boolean token = share.isFirst() || (share.isLast() && model.tieEmbeddings());
      long ends = token ? sizes.vocabSize() * m : 0;
      ends += share.isLast() && !model.tieEmbeddings() ? sizes.vocabSize() * m : 0;
      ends += share.isFirst() && gpt2() ? model.maxSequenceLength() * m : 0;
      ends += share.isLast() ? norm : 0;
      long shared = moe.sharedExperts() * expertMatrices() * m * moe.hiddenSize();
      return ends
          + share.layers() * (attentionParameters() + 2 * norm)
          + denseLayers() * feedForwardParameters()
          + share.moeLayers() * (m * moe.experts() + shared);
    }

    private long attentionParameters() {
      long m = model.hiddenSize();
      int mp = topology.nMp();
      if (gpt2()) {
        return (4 * width() * m + 3 * width()) / mp + m;
      }
      long keyValue = (long) model.keyValueHeads() * model.headWidth();
      int keyValueParts = model.keyValueHeads() % mp == 0 ? mp : 1;
      return 2 * width() * m / mp + 2 * keyValue * m / keyValueParts;
    }

    private long feedForwardParameters() {
      long m = model.hiddenSize();
      long h = model.feedForwardSize();
      return gpt2() ? (2 * m * h + h) / topology.nMp() + m : 3 * m * h / topology.nMp();
    }

    private int expertMatrices() {
      return moe.expert().equals("gpt") ? 2 : 3;
    }

    long expertParameters() {
      long m = model.hiddenSize();
      long h = moe.hiddenSize();
      long biases = moe.expert().equals("gpt") ? h + m : 0;
      long experts = moe.experts() / topology.nEp();
      return share.moeLayers() * experts * (expertMatrices() * m * h + biases) / topology.nEsp();
    }

    // Activations.

    /** C. */
    private long places() {
      long group =
          moe.routingGroup().equals("rank") ? ownTokens() : Long.parseLong(moe.routingGroup());
      double factor = moe.dropless() ? 1 : Double.parseDouble(moe.capacityFactor());
      double share = moe.topK() * factor * group / moe.experts();
      long limit = Math.min(Math.max(moe.minCapacity(), (long) Math.ceil(share)), group);
      return limit * (ownTokens() / group);
    }

    /** Elements of {@code [E, C, M]}. */
    private long buffer() {
      return moe.experts() * places() * model.hiddenSize();
    }

    /** Rows of all experts of this rank, from all ranks that send to them. */
    private long expertRows() {
      return (long) moe.experts() / topology.nEp() * places() * topology.nEp() * topology.nEsp();
    }

    private boolean travels() {
      return topology.nEp() * topology.nEsp() > 1;
    }

    long activations() {
      long s = ownTokens() * model.hiddenSize();
      // In GPT-2 tokens, positions and their sum.
      long embedding = (gpt2() ? 3 : 1) * s * parameter() + castBytes(s);
      long end = norm() + ownTokens() * sizes.vocabSize() * parameter();
      long input = s * compute();
      long blocks =
          switch (train.recompute()) {
            case NONE ->
                share.layers() * attention()
                    + denseLayers() * feedForward()
                    + share.moeLayers() * experts();
            case MOE ->
                share.layers() * attention()
                    + denseLayers() * feedForward()
                    + share.moeLayers() * input;
            case BLOCK -> share.layers() * input;
          };
      long beginning = share.isFirst() ? embedding : s * compute();
      return share.held() * (beginning + blocks + (share.isLast() ? end : 0));
    }

    /** What one recomputed part leaves for its own backward, at its largest. */
    private long again() {
      long moe = share.moeLayers() > 0 ? experts() : 0;
      long dense = denseLayers() > 0 ? feedForward() : 0;
      return switch (train.recompute()) {
        case NONE -> 0;
        case MOE -> moe;
        case BLOCK -> attention() + Math.max(moe, dense);
      };
    }

    /** A norm's output; an RMSNorm also keeps what it scales, wide. */
    private long norm() {
      long s = ownTokens() * model.hiddenSize();
      long wide = train.precision() == Precision.BF16 ? 2 * Float.BYTES : compute();
      return s * compute() + (gpt2() ? 0 : s * wide);
    }

    /** A sublayer's norm, output and sums, and what its model-parallel group exchanges. */
    private long around() {
      long s = ownTokens() * model.hiddenSize();
      long t = batchTokens() * model.hiddenSize();
      long sums = gpt2() ? 2 : 1;
      long exchanged = topology.nMp() == 1 ? s : s + 2 * t;
      return norm() + (sums * s + exchanged) * compute();
    }

    /**
     * q, k, v, their attention, with rotary positions also its heads side by side, and the log of
     * its sums; in bf16 also the probabilities of short sequences, which the CPU works with.
     */
    private long attention() {
      long perRank = batchTokens() * width() / topology.nMp();
      long heads = batchTokens() * model.heads() / topology.nMp();
      boolean explicit =
          train.precision() == Precision.BF16 && sizes.sequenceLength() <= LONGEST_EXPLICIT;
      long probabilities = explicit ? heads * sizes.sequenceLength() * compute() : 0;
      return around()
          + (gpt2() ? 4 : 5) * perRank * compute()
          + heads * Float.BYTES
          + probabilities
          + castBytes(attentionParameters());
    }

    private long feedForward() {
      long hidden = batchTokens() * model.feedForwardSize() / topology.nMp();
      return around() + (gpt2() ? 2 : 4) * hidden * compute() + castBytes(feedForwardParameters());
    }

    /** Copies of weights in the compute type, which autograd keeps. */
    private long castBytes(long elements) {
      return train.precision() == Precision.BF16 ? elements * compute() : 0;
    }

    private long experts() {
      long s = ownTokens() * model.hiddenSize();
      long inner = expertRows() * moe.hiddenSize() / topology.nEsp();
      long rows = travels() ? expertRows() * model.hiddenSize() : 0;
      long gate = train.precision() == Precision.BF16 ? s * parameter() : 0;
      long scores = 4 * ownTokens() * moe.experts() * parameter();
      long shared = ownTokens() * moe.sharedExperts() * moe.hiddenSize() * expertMatrices();
      long buffers = 2 * buffer() + rows + expertMatrices() * inner + shared;
      return norm() + (3 * s + buffers) * compute() + gate + scores;
    }

    // Workspace.

    /** The larger of what the loss and one layer of experts need in their backward. */
    long workspace() {
      long s = ownTokens() * model.hiddenSize();
      long head =
          !share.isLast()
              ? 0
              : 2 * ownTokens() * sizes.vocabSize() * Math.max(compute(), parameter());
      long inner = expertRows() * moe.hiddenSize() / topology.nEsp();
      long layer = (2 * inner + 2 * expertRows() * model.hiddenSize() + 2 * buffer()) * compute();
      long experts = share.moeLayers() > 0 ? layer : 0;
      long feedForward =
          denseLayers() > 0
              ? 3 * batchTokens() * model.feedForwardSize() / topology.nMp() * compute()
              : 0;
      return Math.max(head, again() + Math.max(experts, feedForward)) + 2 * s * compute();
    }
  }
}
