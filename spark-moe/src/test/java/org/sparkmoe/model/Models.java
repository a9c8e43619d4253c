package org.sparkmoe.model;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.AutoGradMode;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.sparkmoe.moe.MoeConfig;
import org.sparkmoe.tensor.Parameter;
import org.sparkmoe.tensor.ParameterInitializer;
import org.sparkmoe.tensor.Precision;
import org.sparkmoe.topology.RankGroups;

/** Small models for tests, and their values as plain arrays. */
final class Models {
  static final int VOCABULARY = 13;
  static final int LENGTH = 6;
  static final int WIDTH = 8;

  private Models() {}

  static ModelConfig config(Architecture architecture, String moeLayers, boolean tied) {
    int keyValueHeads = architecture == Architecture.GPT2 ? 0 : 2;
    return new ModelConfig(
        architecture,
        2,
        WIDTH,
        4,
        keyValueHeads,
        0,
        12,
        8,
        100,
        1e-5,
        tied,
        0.3,
        moeLayers,
        "balanced");
  }

  /** A Mixtral gate that keeps every token. */
  static MoeConfig dropless(Architecture architecture) {
    MoeConfig c = MoeConfig.of(4, 2, 8);
    return new MoeConfig(
        c.experts(),
        c.topK(),
        "*",
        "mixtral",
        c.order(),
        c.dispatch(),
        architecture == Architecture.GPT2 ? "gpt" : "mixtral",
        c.hiddenSize(),
        c.minCapacity(),
        c.drop(),
        0.1,
        0.01,
        0,
        0,
        c.routingGroup(),
        0,
        Map.of("init-deviation", "0.5"),
        Map.of("init-deviation", "0.3"),
        List.of());
  }

  static LanguageModel create(ModelConfig config, RankGroups groups, Precision precision) {
    return LanguageModel.create(
        config,
        dropless(config.architecture()),
        VOCABULARY,
        groups,
        ParameterInitializer.cpu(3, precision));
  }

  /** Moves norms and biases away from 1 and 0, alike in every layout. */
  static void disturb(LanguageModel model) {
    try (AutoGradMode off = new AutoGradMode(false)) {
      for (Parameter parameter : model.parameters()) {
        if (!parameter.decay()) {
          Tensor value = parameter.value();
          int last = parameter.fullShape().length - 1;
          Tensor positions =
              torch
                  .arange(new Scalar((double) value.size(last)))
                  .add(new Scalar((double) parameter.offset()[last]));
          value.add_(
              positions
                  .add(new Scalar(parameter.name().length() * 1.0))
                  .sin()
                  .mul(new Scalar(0.3)));
        }
      }
    }
  }

  /** {@code [batch, length]} i64, not periodic. */
  static Tensor tokens(long batch, long length) {
    Tensor positions = torch.arange(new Scalar(batch * length)).to(ScalarType.Long);
    return positions
        .mul(positions)
        .mul(new Scalar(7))
        .add(positions)
        .remainder(new Scalar(VOCABULARY))
        .view(batch, length);
  }

  /** Values of all parameters by name; those of one rank are the whole model. */
  static Map<String, double[]> weights(LanguageModel model) {
    Map<String, double[]> weights = new HashMap<>();
    for (Parameter parameter : model.parameters()) {
      weights.put(parameter.name(), array(parameter.value()));
    }
    return weights;
  }

  /** All elements, row-major. */
  static double[] array(Tensor tensor) {
    Tensor flat = tensor.detach().to(ScalarType.Double).contiguous().view(-1);
    double[] values = new double[(int) flat.numel()];
    new org.bytedeco.javacpp.DoublePointer(flat.data_ptr_double()).get(values);
    return values;
  }

  static long[] longs(Tensor tensor) {
    double[] values = array(tensor);
    long[] longs = new long[values.length];
    for (int i = 0; i < longs.length; i++) {
      longs[i] = (long) values[i];
    }
    return longs;
  }
}
