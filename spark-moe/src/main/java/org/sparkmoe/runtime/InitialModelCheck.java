package org.sparkmoe.runtime;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.Path;
import org.sparkmoe.data.TokenizerSpec;
import org.sparkmoe.model.Architecture;
import org.sparkmoe.model.ModelConfig;
import org.sparkmoe.moe.MoeConfig;

/** Whether the weights of {@code train.initial-model} mean the same in the configured model. */
final class InitialModelCheck {
  private final RunConfig config;
  private final RunConfig initial;
  private final List<String> problems = new ArrayList<>();

  private InitialModelCheck(RunConfig config, RunConfig initial) {
    this.config = config;
    this.initial = initial;
  }

  /** One line for each difference; empty if there is none, or no initial model. */
  static List<String> problems(RunConfig config, Configuration hadoop) {
    String directory = config.train().initialModel();
    if (directory.isEmpty()) {
      return List.of();
    }
    try {
      TrainedModel model = TrainedModel.open(new Path(directory), List.of(), hadoop);
      InitialModelCheck check = new InitialModelCheck(config, model.config());
      check.tokenizer(
          TokenizerSpec.resolve(config.data().tokenizer(), hadoop), model.tokenizerSpec());
      check.model();
      check.experts();
      return check.problems;
    } catch (IOException e) {
      return List.of(
          "train.initial-model is \"%s\", must be a model directory: %s"
              .formatted(directory, e.getMessage()));
    }
  }

  private void tokenizer(TokenizerSpec here, TokenizerSpec there) {
    if (!here.equals(there)) {
      problems.add(
          "data.tokenizer is \"%s\", must be the tokenizer of train.initial-model (%s)"
              .formatted(config.data().tokenizer(), there.name()));
    }
  }

  private void model() {
    ModelConfig here = config.model();
    ModelConfig there = initial.model();
    same("model.architecture", here.architecture(), there.architecture());
    same("model.layers", here.layers(), there.layers());
    same("model.hidden-size", here.hiddenSize(), there.hiddenSize());
    same("model.heads", here.heads(), there.heads());
    same("model.kv-heads", here.keyValueHeads(), there.keyValueHeads());
    same("model.head-dim", here.headWidth(), there.headWidth());
    same("model.norm-epsilon", here.normEpsilon(), there.normEpsilon());
    same("model.tie-embeddings", here.tieEmbeddings(), there.tieEmbeddings());
    if (here.moeLayerCount() < here.layers()) {
      same("model.feed-forward-size", here.feedForwardSize(), there.feedForwardSize());
    }
    if (here.architecture() == Architecture.GPT2) {
      same("model.max-sequence-length", here.maxSequenceLength(), there.maxSequenceLength());
    } else {
      same("model.rope-theta", here.ropeTheta(), there.ropeTheta());
    }
    for (int layer = 0; layer < Math.min(here.layers(), there.layers()); layer++) {
      if (here.isMoe(layer) != there.isMoe(layer)) {
        same("model.moe-layers", here.moeLayers(), there.moeLayers());
        return;
      }
    }
  }

  private void experts() {
    if (config.model().moeLayerCount() == 0) {
      return;
    }
    MoeConfig here = config.moe();
    MoeConfig there = initial.moe();
    same("moe.experts", here.experts(), there.experts());
    same("moe.hidden-size", here.hiddenSize(), there.hiddenSize());
    same("moe.gate", here.gate(), there.gate());
    same("moe.expert", here.expert(), there.expert());
    same("moe.shared-experts", here.sharedExperts(), there.sharedExperts());
  }

  private void same(String key, Object here, Object there) {
    if (!Objects.equals(here, there)) {
      problems.add(
          "%s is \"%s\", must be \"%s\" as in train.initial-model".formatted(key, here, there));
    }
  }
}
