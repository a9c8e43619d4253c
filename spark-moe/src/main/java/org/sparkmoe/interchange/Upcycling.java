package org.sparkmoe.interchange;

import com.typesafe.config.ConfigFactory;
import com.typesafe.config.ConfigRenderOptions;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.bytedeco.pytorch.Tensor;
import org.sparkmoe.model.Architecture;
import org.sparkmoe.model.ModelConfig;
import org.sparkmoe.runtime.RunConfig;
import org.sparkmoe.tensor.Parameter;
import org.sparkmoe.tensor.ParameterBox;
import org.sparkmoe.tensor.ParameterInitializer;
import org.sparkmoe.tensor.Precision;
import org.sparkmoe.tensor.TensorScope;
import org.sparkmoe.train.StoredType;
import org.sparkmoe.train.TensorSource;

/**
 * Makes a Mixture of Experts of a dense model (Komatsuzaki et al. 2022, Sparse Upcycling): each
 * expert begins as a copy of the block's feed-forward, the router with small random weights.
 * Mixtral's gate divides the k weights of a token by their sum, so that the new model computes what
 * the dense one does until it is trained.
 *
 * @param experts E
 * @param topK k, experts that a token goes to
 * @param layers which blocks, as {@code model.moe-layers}
 * @param deviation standard deviation of the router's weights
 * @param seed of the router's weights
 */
public record Upcycling(int experts, int topK, String layers, double deviation, long seed) {
  private static final Pattern FEED_FORWARD =
      Pattern.compile("layers\\.(\\d{1,9})\\.feed_forward\\.(\\w+\\.\\w+)");

  private static final Map<String, String> GPT_EXPERT =
      Map.of("up.weight", "w1", "up.bias", "b1", "down.weight", "w2", "down.bias", "b2");
  private static final Map<String, String> MIXTRAL_EXPERT =
      Map.of("gate.weight", "w1", "down.weight", "w2", "up.weight", "w3");

  /**
   * @throws IllegalArgumentException with a line for each invalid value
   */
  public Upcycling {
    List<String> problems = new ArrayList<>();
    if (experts < 1) {
      problems.add("experts is %d, must be at least 1".formatted(experts));
    }
    if (topK < 1 || topK > experts) {
      problems.add("k is %d, must be from 1 to experts = %d".formatted(topK, experts));
    }
    if (!(deviation >= 0) || Double.isInfinite(deviation)) {
      problems.add("deviation is %s, must be at least 0".formatted(deviation));
    }
    if (!problems.isEmpty()) {
      throw new IllegalArgumentException(String.join("\n", problems));
    }
  }

  /**
   * Reads texts such as {@code experts=8,k=2}; the other keys are {@code layers} (all), {@code
   * deviation} (0.02) and {@code seed} (1). Several indices of layers are joined by {@code +}.
   *
   * @throws IllegalArgumentException if the text is none, or a value is invalid
   */
  public static Upcycling parse(String text) {
    Map<String, String> values = new LinkedHashMap<>();
    values.put("k", "2");
    values.put("layers", "all");
    values.put("deviation", "0.02");
    values.put("seed", "1");
    for (String part : text.split(",", -1)) {
      String[] pair = part.split("=", 2);
      if (pair.length < 2 || !(values.containsKey(pair[0]) || pair[0].equals("experts"))) {
        throw new IllegalArgumentException(
            "\"%s\" is none of experts=E, k=K, layers=all, deviation=D, seed=N".formatted(part));
      }
      values.put(pair[0], pair[1]);
    }
    try {
      return new Upcycling(
          Integer.parseInt(values.getOrDefault("experts", "0")),
          Integer.parseInt(values.getOrDefault("k", "")),
          values.getOrDefault("layers", "").replace('+', ','),
          Double.parseDouble(values.getOrDefault("deviation", "")),
          Long.parseLong(values.getOrDefault("seed", "")));
    } catch (NumberFormatException e) {
      throw new IllegalArgumentException("\"%s\": %s".formatted(text, e.getMessage()), e);
    }
  }

  /**
   * The model with experts; its weights are read from {@code dense} when they are written.
   *
   * @throws InterchangeException if the model has experts already
   * @throws org.sparkmoe.conf.ConfigurationException if {@link #layers} does not suit the model
   */
  public SourceModel apply(SourceModel dense) {
    RunConfig before = dense.config();
    if (before.model().moeLayerCount() > 0) {
      throw new InterchangeException(
          dense.origin().toString(),
          List.of(
              "model.moe-layers is \"%s\", must be none to be upcycled"
                  .formatted(before.model().moeLayers())));
    }
    SourceModel upcycled =
        new SourceModel(
            dense.origin(),
            settings(dense, before.model()),
            dense.tokenizer(),
            new LinkedHashMap<>(),
            dense.files());
    ModelConfig model = upcycled.config().model();
    dense.tensors().forEach((name, source) -> put(upcycled.tensors(), model, name, source));
    return upcycled;
  }

  private String settings(SourceModel dense, ModelConfig model) {
    Map<String, Object> moe = new LinkedHashMap<>();
    moe.put("model.moe-layers", layers);
    moe.put("moe.experts", experts);
    moe.put("moe.top-k", topK);
    moe.put("moe.gate", "mixtral");
    moe.put("moe.expert", model.architecture() == Architecture.GPT2 ? "gpt" : "mixtral");
    moe.put("moe.hidden-size", model.feedForwardSize());
    moe.put("moe.capacity-factor", "*");
    return ConfigFactory.parseMap(moe)
        .withFallback(dense.settings().effective().withoutPath("moe"))
        .root()
        .render(ConfigRenderOptions.concise());
  }

  private void put(
      Map<String, TensorSource> tensors, ModelConfig model, String name, TensorSource source) {
    Matcher matcher = FEED_FORWARD.matcher(name);
    if (!matcher.matches() || !model.isMoe(Integer.parseInt(matcher.group(1)))) {
      tensors.put(name, source);
      return;
    }
    String layer = "layers." + matcher.group(1) + ".moe.";
    String gate = layer + "gate.weight";
    long[] shape = {model.hiddenSize(), experts};
    tensors.computeIfAbsent(gate, n -> new RouterTensor(n, shape, source.type(), this));
    Map<String, String> names =
        model.architecture() == Architecture.GPT2 ? GPT_EXPERT : MIXTRAL_EXPERT;
    String expert = names.get(matcher.group(2));
    if (expert == null) {
      throw new InterchangeException(name, List.of("it is no tensor of a feed-forward"));
    }
    tensors.put(layer + "experts." + expert, new RepeatedTensor(source, experts));
  }

  /** A matrix {@code [out, in]} or a bias as that of each expert: {@code [E, in, out]}. */
  private record RepeatedTensor(TensorSource source, int experts) implements TensorSource {
    @Override
    public StoredType type() {
      return source.type();
    }

    @Override
    public long[] shape() {
      long[] one = source.shape();
      return one.length == 1 ? new long[] {experts, one[0]} : new long[] {experts, one[1], one[0]};
    }

    @Override
    public Tensor load() throws IOException {
      Tensor one = source.load();
      return (one.dim() == 1 ? one : one.t()).unsqueeze(0).expand(shape()).contiguous();
    }
  }

  private record RouterTensor(String name, long[] shape, StoredType type, Upcycling upcycling)
      implements TensorSource {
    @Override
    public Tensor load() {
      Parameter drawn =
          ParameterInitializer.cpu(upcycling.seed(), Precision.F32)
              .normal(ParameterBox.whole(name, true, shape), upcycling.deviation());
      Tensor values = drawn.value().detach().to(type.scalarType()).clone();
      TensorScope.release(drawn.value());
      return values;
    }
  }
}
