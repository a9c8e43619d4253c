package org.sparkmoe.model;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.bytedeco.pytorch.AutoGradMode;
import org.bytedeco.pytorch.Device;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.sparkmoe.moe.MoeConfig;
import org.sparkmoe.moe.MoeLayer;
import org.sparkmoe.moe.RoutingStats;
import org.sparkmoe.moe.StepContext;
import org.sparkmoe.tensor.DeviceMemory;
import org.sparkmoe.tensor.Parameter;
import org.sparkmoe.tensor.Parameter.Replication;
import org.sparkmoe.tensor.ParameterInitializer;
import org.sparkmoe.tensor.Precision;
import org.sparkmoe.tensor.SegmentTape;
import org.sparkmoe.tensor.TensorCheck;
import org.sparkmoe.tensor.TensorScope;
import org.sparkmoe.topology.PipelineGroups;
import org.sparkmoe.topology.RankGroups;

/**
 * One rank's part of a decoder-only transformer with MoE layers.
 *
 * <p><b>Layout.</b> Letters as in the paper (§1): B sequences of L tokens per data-parallel rank, T
 * = B·L, M the width, V the vocabulary. The residual stream {@code [S, M]}, S = T/N_MP, holds the
 * rank's own tokens. Norms, embeddings, head and loss work on those and are replicated over the
 * world; attention and dense feed-forward are sharded by heads and hidden units over the
 * model-parallel group, with an AllGather before and a ReduceScatter after; an MoE layer takes the
 * rank's tokens as they are. Since each rank's loss is a sum over its own tokens, gradients of
 * replicated parameters are summed over the world and those of shards over the data-parallel group.
 *
 * <p><b>Pipeline.</b> A stage has some consecutive blocks; the first stage has the embedding too,
 * the last one final norm, head and loss. Names and first weights are those of the whole model. A
 * forward pass begins with what the stage before sends and ends with sending on; its backward does
 * the same the other way round ({@link StageBoundary}). So stages run the same micro-batches in the
 * same order of forward passes and in the same order of backward passes. A tied token embedding is
 * on both ends of the pipeline, and its gradient is summed over both.
 *
 * <p><b>Types.</b> Parameters are f32 (f64 in {@link Precision#F64}). Activations are of the
 * compute type; each segment casts the weights it uses. Statistics of norms and softmax, and the
 * loss, are f32 also in bf16.
 *
 * <p><b>Names</b> follow Hugging Face's layouts up to renaming. Weights are {@code [out, in]};
 * those of GPT-2 are stored transposed there (Conv1D), and {@code qkv} is {@code c_attn} viewed as
 * {@code [3, heads·D, M]}. Layer {@code i}:
 *
 * <pre>
 *  here                                  GPT-2               Mixtral
 *  embedding.token.weight                wte.weight          model.embed_tokens.weight
 *  embedding.position.weight             wpe.weight
 *  layers.i.                             h.i.                model.layers.i.
 *    attention_norm.{weight,bias}          ln_1                input_layernorm
 *    attention.qkv.{weight,bias}           attn.c_attn
 *    attention.{query,key,value}.weight                        self_attn.{q,k,v}_proj
 *    attention.output.{weight,bias}        attn.c_proj         self_attn.o_proj
 *    feed_forward_norm.{weight,bias}       ln_2                post_attention_layernorm
 *    feed_forward.gate.weight                                  mlp.gate_proj (Mistral)
 *    feed_forward.up.{weight,bias}         mlp.c_fc            mlp.up_proj (Mistral)
 *    feed_forward.down.{weight,bias}       mlp.c_proj          mlp.down_proj (Mistral)
 *    moe.gate.weight [M, E]                                    block_sparse_moe.gate
 *    moe.experts.{w1,w2,w3} [E, in, out]                       block_sparse_moe.experts.e.{w1,w2,w3}
 *  final_norm.{weight,bias}              ln_f                model.norm
 *  head.weight (if not tied)             lm_head.weight      lm_head.weight
 * </pre>
 *
 * <p>Not thread-safe: one rank's thread uses it. Closing frees the weights at once; the collector
 * of garbage would come for them too late, because it does not see how large they are.
 */
public final class LanguageModel implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(LanguageModel.class);

  private final ModelConfig config;
  private final RankGroups groups;
  private final Precision precision;
  private final SequenceParallel tokens;
  private final PipelineStage stage;
  private final StageBoundary boundary;
  private final StageRouting routing;
  private final int vocabSize;
  private final int experts;
  private final Device device;
  private final @Nullable Embedding embedding;
  private final List<Block> blocks;
  private final BlockFlow flow;
  private final @Nullable ModelOutput output;
  private final List<MoeLayer> moeLayers = new ArrayList<>();
  private final List<AttentionTrial> attentionTrials = new ArrayList<>();
  private final List<Parameter> parameters;
  private final ModelSize size;
  private Recomputation recomputed = Recomputation.NONE;

  private LanguageModel(
      ModelConfig config,
      MoeConfig moe,
      int vocabSize,
      RankGroups groups,
      ParameterInitializer initializer) {
    this.config = config;
    this.groups = groups;
    this.precision = initializer.precision();
    this.tokens = new SequenceParallel(groups.mp());
    this.device = initializer.device();
    this.vocabSize = vocabSize;
    this.experts = moe.experts();
    PipelineGroups pipeline = groups.pipeline();
    stage = PipelineStage.of(config, pipeline);
    boundary = new StageBoundary(pipeline);
    routing =
        new StageRouting(
            pipeline.column(),
            device,
            config.moeLayersBefore(stage.firstLayer()),
            config.moeLayerCount());
    Weights weights = new Weights(initializer, groups);
    @Nullable Parameter token =
        stage.isFirst() || (stage.isLast() && config.tieEmbeddings()) ? token(weights) : null;
    embedding =
        stage.isFirst() && token != null ? new Embedding(config, weights, token, precision) : null;
    List<BlockFlow.FlowLayer> flowLayers = new ArrayList<>();
    blocks = blocks(flowLayers, ExpertDeviation.of(config, moe), weights, initializer);
    flow = new BlockFlow(flowLayers, tokens, groups.mp().size());
    output = stage.isLast() ? output(weights, token) : null;
    parameters = weights.all();
    size = ModelSize.of(config, moe, countedHere()).sum(pipeline.column(), device);
  }

  private Parameter token(Weights weights) {
    double std = config.initStd();
    long m = config.hiddenSize();
    return config.tieEmbeddings() && !(stage.isFirst() && stage.isLast())
        ? weights.matrixAtBothEnds(Embedding.TOKEN, std, vocabSize, m)
        : weights.matrix(Embedding.TOKEN, std, vocabSize, m);
  }

  private ModelOutput output(Weights weights, @Nullable Parameter token) {
    Norm norm = Norm.create(config, weights, PipelineStage.FINAL_NORM);
    Parameter head =
        config.tieEmbeddings() && token != null
            ? token
            : weights.matrix(PipelineStage.HEAD, config.initStd(), vocabSize, config.hiddenSize());
    return new ModelOutput(norm, new OutputHead(head, precision));
  }

  /** Each tensor is counted by the first stage that has it. */
  private List<Parameter> countedHere() {
    return parameters.stream()
        .filter(p -> p.replication() != Replication.PIPELINE_ENDS || stage.isFirst())
        .toList();
  }

  /**
   * Makes this rank's part of a model with first weights. All ranks call it together.
   *
   * @param vocabSize V, number of token ids
   * @param initializer decides seed, types and device
   * @throws IllegalArgumentException if the model cannot be shared out over the ranks, with one
   *     line for each reason
   */
  public static LanguageModel create(
      ModelConfig config,
      MoeConfig moe,
      int vocabSize,
      RankGroups groups,
      ParameterInitializer initializer) {
    List<String> problems = config.layoutProblems(groups.topology());
    if (!problems.isEmpty()) {
      throw new IllegalArgumentException(String.join("\n", problems));
    }
    LanguageModel model = new LanguageModel(config, moe, vocabSize, groups, initializer);
    if (groups.rank() == 0 && !model.moeLayers.isEmpty()) {
      CausalityCheck.warning(moe).ifPresent(LOG::warn);
    }
    return model;
  }

  private List<Block> blocks(
      List<BlockFlow.FlowLayer> flowLayers,
      MoeConfig moe,
      Weights weights,
      ParameterInitializer initializer) {
    @Nullable RotaryEmbedding rotary =
        config.architecture() == Architecture.MIXTRAL
            ? RotaryEmbedding.create(config, initializer)
            : null;
    List<Block> made = new ArrayList<>();
    List<Sublayer> dense = new ArrayList<>();
    int firstBlock = stage.firstLayer();
    for (int layer = stage.firstLayer(); layer < stage.endLayer(); layer++) {
      String name = "layers." + layer;
      Norm attentionNorm = Norm.create(config, weights, name + ".attention_norm");
      ShardedSublayer attention =
          rotary == null
              ? new Gpt2Attention(config, weights, name + ".attention")
              : new GroupedQueryAttention(
                  config, weights, name + ".attention", rotary, groups.mp());
      attentionTrials.add(
          new AttentionTrial(attentionNorm, attention, groups.mp().size(), activations()));
      Norm norm = Norm.create(config, weights, name + ".feed_forward_norm");
      Sublayer attended = Sublayer.sharded(attentionNorm, tokens, attention);
      dense.add(attended);
      if (config.isMoe(layer)) {
        MoeLayer experts =
            MoeLayer.create(name + ".moe", layer, moe, config.hiddenSize(), groups, initializer);
        weights.addAll(experts.parameters());
        moeLayers.add(experts);
        if (flowLayers.isEmpty() && groups.mp().size() > 1) {
          // Blocks before have no MoE layer; their communication stays between segments.
          dense = new ArrayList<>(List.of(attended));
          firstBlock = layer;
        }
        BlockFlow.ShardedHalf alone =
            dense.size() == 1 ? new BlockFlow.ShardedHalf(attentionNorm, attention) : null;
        flowLayers.add(
            new BlockFlow.FlowLayer(firstBlock, List.copyOf(dense), alone, norm, experts));
        made.add(new Block(attended, Sublayer.moe(norm, experts), true));
        dense.clear();
        firstBlock = layer + 1;
      } else {
        Sublayer fed = Sublayer.sharded(norm, tokens, feedForward(weights, name + ".feed_forward"));
        dense.add(fed);
        made.add(new Block(attended, fed, false));
      }
    }
    return List.copyOf(made);
  }

  private ShardedSublayer feedForward(Weights weights, String name) {
    return switch (config.architecture()) {
      case GPT2 -> new Gpt2FeedForward(config, weights, name);
      case MIXTRAL -> new SwiGluFeedForward(config, weights, name);
    };
  }

  /** From the next forward on, backward computes this again. The same on all ranks. */
  public void recompute(Recomputation what) {
    recomputed = what;
  }

  /** What backward computes again. */
  public Recomputation recomputed() {
    return recomputed;
  }

  /** This stage's MoE layers in order, for the schedule to say how they run. */
  public List<MoeLayer> moeLayers() {
    return Collections.unmodifiableList(moeLayers);
  }

  /**
   * This stage's blocks as tasks of one graph, for the schedule to say whether and how they run.
   */
  public BlockFlow flow() {
    return flow;
  }

  /** What this stage's first block computes before its experts, for a profiler. */
  public AttentionTrial attentionTrial() {
    return attentionTrials.get(0);
  }

  /** Width, type and place of activations. */
  public AttentionTrial.Like activations() {
    return new AttentionTrial.Like(config.hiddenSize(), precision.computeType(), device);
  }

  /** The size of the whole model, over all ranks. */
  public ModelSize size() {
    return size;
  }

  /** This rank's parameters, in the order of the forward pass. */
  public List<Parameter> parameters() {
    return parameters;
  }

  /**
   * Whether a tensor of that name, if the whole model has it, is another stage's and not this
   * one's.
   */
  public boolean isElsewhere(String parameter) {
    return stage.isElsewhere(parameter)
        && parameters.stream().noneMatch(mine -> mine.name().equals(parameter));
  }

  /**
   * Brings the routing of all stages' MoE layers together, in order; all ranks together.
   *
   * @param mine what was read of that which {@link #forward} returned
   */
  public List<RoutingStats> routingOfAllStages(List<RoutingStats> mine) {
    return routing.gather(mine, experts);
  }

  /**
   * Predicts each token from those before it. All ranks call it together; the ranks of a
   * model-parallel group with the same tokens.
   *
   * @param tape records the pass; {@link SegmentTape#withoutHistory()} for evaluation
   * @param tokensBL1 {@code [B, L+1]} i64: the first L are read, the last L predicted
   * @throws IllegalArgumentException if N_MP does not divide B·L or L is above the model's longest
   */
  public Forward forward(SegmentTape tape, Tensor tokensBL1, StepContext context) {
    TensorCheck.shape("tokens", tokensBL1, TensorCheck.ANY, TensorCheck.ANY);
    long length = tokensBL1.size(1) - 1;
    return forward(tape, tokensBL1.narrow(1, 0, length), tokensBL1.narrow(1, 1, length), context);
  }

  /**
   * As {@link #forward(SegmentTape, Tensor, StepContext)}, with a loss on some targets only.
   *
   * @param tokensBL {@code [B, L]} i64: what is read
   * @param targetsBL {@code [B, L]} i64: what is to be predicted; negative where that carries no
   *     loss
   */
  public Forward forward(SegmentTape tape, Tensor tokensBL, Tensor targetsBL, StepContext context) {
    TensorCheck.shape("tokens", tokensBL, TensorCheck.ANY, TensorCheck.ANY);
    TensorCheck.dtype("tokens", tokensBL, ScalarType.Long);
    TensorCheck.shape("targets", targetsBL, tokensBL.size(0), tokensBL.size(1));
    TensorCheck.dtype("targets", targetsBL, ScalarType.Long);
    ForwardPass pass = new ForwardPass(tape, BatchShape.of(tokensBL), context);
    Tensor residualSM = residual(tokensBL, pass);
    Tensor targetsS = tokens.share(targetsBL.reshape(-1));
    Tensor lossSum =
        output == null
            ? boundary.toNext(tape, residualSM, zero())
            : output.lossSum(tape, residualSM, targetsS);
    return new Forward(lossSum, pass.auxLoss(zero()), pass.routing());
  }

  private Tensor zero() {
    return DeviceMemory.zeros(device, precision.parameterType());
  }

  /**
   * Scores every next token, without history. All ranks call it together with token ids of the same
   * shape; the ranks of a model-parallel group with the same ids. Where N_MP does not divide the
   * tokens, sequences are padded at their end, which causal attention keeps from the result.
   *
   * @param tokensBL {@code [B, L]} i64
   * @return {@code [B, L, V]} f32 or f64, on every rank
   */
  public Tensor logits(Tensor tokensBL) {
    TensorCheck.shape("tokens", tokensBL, TensorCheck.ANY, TensorCheck.ANY);
    TensorCheck.dtype("tokens", tokensBL, ScalarType.Long);
    try (AutoGradMode off = new AutoGradMode(false)) {
      return TensorScope.compute(() -> scores(tokensBL));
    }
  }

  private Tensor scores(Tensor tokensBL) {
    Tensor padded = padded(tokensBL);
    BatchShape shape = BatchShape.of(padded);
    SegmentTape tape = SegmentTape.withoutHistory();
    Tensor residualSM = residual(padded, new ForwardPass(tape, shape, evaluation(shape)));
    Tensor scores;
    if (output == null) {
      boundary.toNext(tape, residualSM, zero());
      long[] scored = {shape.batch(), tokensBL.size(1), vocabSize};
      scores = DeviceMemory.empty(device, precision.parameterType(), scored);
    } else {
      Tensor hiddenTM = tokens.allGather(tape, output.hidden(tape, residualSM));
      scores =
          output.logits(
              hiddenTM.view(shape.batch(), shape.length(), -1).narrow(1, 0, tokensBL.size(1)));
    }
    boundary.fromLast(scores);
    return scores;
  }

  private Tensor padded(Tensor tokensBL) {
    BatchShape shape = BatchShape.of(tokensBL);
    long length = shape.length();
    while (shape.batch() * length % groups.mp().size() != 0) {
      length++;
    }
    Tensor padded = torch.zeros(new long[] {shape.batch(), length}, tokensBL.options());
    padded.narrow(1, 0, shape.length()).copy_(tokensBL);
    return padded;
  }

  private StepContext evaluation(BatchShape shape) {
    long share = shape.tokens() / groups.mp().size();
    long first = groups.dp().rank() * shape.tokens() + groups.mp().rank() * share;
    return new StepContext(false, 0, 0, 0, 1, first, groups.dp().size() * shape.tokens());
  }

  /** The residual stream after this stage's blocks, {@code [S, M]}. */
  private Tensor residual(Tensor tokensBL, ForwardPass pass) {
    BatchShape shape = pass.shape();
    if (shape.length() > config.maxSequenceLength()) {
      throw new IllegalArgumentException(
          "a sequence of %d tokens is longer than model.max-sequence-length = %d"
              .formatted(shape.length(), config.maxSequenceLength()));
    }
    Tensor tokensS = tokens.share(tokensBL.reshape(-1));
    Tensor residualSM =
        embedding == null ? received(tokensS.size(0), pass) : embedded(embedding, tokensS, pass);
    int next = 0;
    if (recomputed == Recomputation.NONE && flow.takes(pass)) {
      int begin = flow.firstBlock(0) - stage.firstLayer();
      residualSM = applied(blocks.subList(0, begin), residualSM, pass);
      residualSM = flow.apply(residualSM, pass);
      next = flow.endBlock() - stage.firstLayer();
    }
    return applied(blocks.subList(next, blocks.size()), residualSM, pass);
  }

  private Tensor applied(List<Block> some, Tensor residualSM, ForwardPass pass) {
    Tensor residual = residualSM;
    for (Block block : some) {
      residual = block.apply(residual, pass, recomputed);
    }
    return residual;
  }

  private Tensor received(long rows, ForwardPass pass) {
    Tensor buffer = DeviceMemory.empty(device, precision.computeType(), rows, config.hiddenSize());
    return boundary.fromPrevious(pass.tape(), buffer);
  }

  private Tensor embedded(Embedding embedding, Tensor tokensS, ForwardPass pass) {
    BatchShape shape = pass.shape();
    Tensor positionsL = torch.arange(new Scalar((double) shape.length()), tokensS.options());
    Tensor positionsS = tokens.share(positionsL.repeat(shape.batch()));
    return embedding.apply(pass.tape(), tokensS, positionsS);
  }

  @Override
  public void close() {
    parameters.forEach(Parameter::release);
  }
}
