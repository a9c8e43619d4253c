package org.sparkmoe.runtime;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.Path;
import org.apache.spark.TaskContext;
import org.jspecify.annotations.Nullable;
import org.sparkmoe.data.TextNormalization;
import org.sparkmoe.data.Tokenizer;
import org.sparkmoe.model.LanguageModel;
import org.sparkmoe.moe.GateProvider;
import org.sparkmoe.moe.Modules;
import org.sparkmoe.moe.MoeConfig;
import org.sparkmoe.tensor.ComputeThreads;
import org.sparkmoe.topology.RankGroups;
import org.sparkmoe.train.GenerationConfig;
import org.sparkmoe.train.PromptedText;
import org.sparkmoe.train.TextGenerator;
import org.sparkmoe.train.TextScore;
import org.sparkmoe.train.TextScorer;

/**
 * A trained model, whole, in the memory of this JVM: on the GPU that Spark assigned to the running
 * task, if it was trained on GPUs and the task has one, else on the CPU.
 *
 * <p>Every token is kept, whatever capacity the model was trained with: with a capacity, what a
 * text scores would depend on the texts beside it. A gate that looks at other tokens by its nature
 * keeps its capacity, and then one text passes at a time.
 *
 * <p>Not thread-safe; used and closed by one thread.
 */
public final class InferenceModel implements AutoCloseable {
  private static final List<String> DROPLESS =
      List.of("moe.capacity-factor=\"*\"", "moe.routing-group=rank");

  private final TrainedModel trained;
  private final LanguageModel model;
  private final Tokenizer tokenizer;
  private final boolean tokensAreIndependent;

  private InferenceModel(TrainedModel trained, LanguageModel model, Tokenizer tokenizer) {
    this.trained = trained;
    this.model = model;
    this.tokenizer = tokenizer;
    this.tokensAreIndependent = !gateLooksAround(trained.config().moe());
  }

  /**
   * Reads a model directory.
   *
   * @throws IOException if it is not complete, or the weights cannot be read
   */
  public static InferenceModel load(Path directory, Configuration hadoop) throws IOException {
    TrainedModel asTrained = TrainedModel.open(directory, List.of(), hadoop);
    TrainedModel trained =
        gateLooksAround(asTrained.config().moe())
            ? asTrained
            : TrainedModel.open(directory, DROPLESS, hadoop);
    @Nullable TaskContext task = TaskContext.get();
    if (task != null) {
      ComputeThreads.limit(task.cpus());
    }
    RankDevice device = device(task, trained.config().device());
    device.use();
    LanguageModel model = trained.load(RankGroups.single(), device.device());
    try {
      return new InferenceModel(trained, model, trained.tokenizer());
    } catch (RuntimeException | Error e) {
      model.close();
      throw e;
    }
  }

  private static boolean gateLooksAround(MoeConfig moe) {
    return Modules.find(GateProvider.class, "moe.gate", moe.gate()).looksAtOtherTokens();
  }

  private static RankDevice device(@Nullable TaskContext task, DeviceConfig trainedOn) {
    boolean hasGpu = task != null && task.resourcesJMap().containsKey("gpu");
    return hasGpu ? RankDevice.here(trainedOn) : new RankDevice(OptionalInt.empty());
  }

  /**
   * Scores texts, normalised as those of training are.
   *
   * @param batch most sequences that pass through the model at once
   * @return a score for each text, in order
   */
  public List<TextScore> score(List<PromptedText> texts, int batch) {
    List<PromptedText> normalized = texts.stream().map(InferenceModel::normalize).toList();
    int length = trained.config().data().sequenceLength();
    if (tokensAreIndependent) {
      return new TextScorer(model, tokenizer, length, batch).score(normalized);
    }
    TextScorer one = new TextScorer(model, tokenizer, length, 1);
    List<TextScore> scores = new ArrayList<>();
    normalized.forEach(text -> scores.addAll(one.score(List.of(text))));
    return scores;
  }

  private static PromptedText normalize(PromptedText text) {
    return new PromptedText(
        TextNormalization.normalize(text.prompt()), TextNormalization.normalize(text.text()));
  }

  /** What the model writes after {@code prompt}, without the prompt. */
  public String generate(String prompt, GenerationConfig generation) {
    return new TextGenerator(model, tokenizer, trained.config().data().sequenceLength())
        .generate(prompt, generation);
  }

  /** Frees the weights at once. */
  @Override
  public void close() {
    tokenizer.close();
    model.close();
  }
}
