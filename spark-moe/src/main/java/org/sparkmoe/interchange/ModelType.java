package org.sparkmoe.interchange;

import java.util.List;
import java.util.Map;
import java.util.Set;
import org.sparkmoe.model.Architecture;
import org.sparkmoe.model.ModelConfig;
import org.sparkmoe.moe.MoeConfig;

/**
 * One of Hugging Face's families of models: what its {@code config.json} says in our keys, and
 * where its tensors go.
 */
interface ModelType {
  /** The token embedding's name in Hugging Face's GPT-2 without its prefix. */
  String GPT2_TOKEN = "wte.weight";

  /** The types that can be read. */
  List<String> NAMES = List.of("mixtral", "mistral", "gpt2");

  /** What {@code model_type} says. */
  String name();

  /** The class that transformers makes. */
  String architecture();

  /**
   * The settings {@code model.*} and {@code moe.*} that make the same model.
   *
   * @param fields of config.json; keeps what is wrong with them
   * @return value by full key
   */
  Map<String, Object> settings(ConfigFields fields);

  /**
   * The fields of {@code config.json} that make the same model, without those that every type has.
   *
   * @return value by field, in order
   */
  Map<String, Object> fields(ModelConfig model, MoeConfig moe);

  /** Why a model of Spark MoE is not one of this type; empty if it is. */
  List<String> problems(ModelConfig model, MoeConfig moe);

  /**
   * All tensors of such a model.
   *
   * @param vocabSize V
   */
  List<Correspondence> tensors(ModelConfig model, MoeConfig moe, long vocabSize);

  /** Whether a tensor follows from the configuration and need not be read, as a causal mask. */
  boolean isDerived(String theirs);

  /**
   * The type that {@code config.json} names.
   *
   * @param tensors names of the weights, which tell apart two ways to save the same type
   * @throws InterchangeException if it is none that can be read
   */
  static ModelType named(String modelType, Set<String> tensors) {
    return switch (modelType) {
      case "gpt2" -> new Gpt2Type(tensors.contains(GPT2_TOKEN) ? "" : Gpt2Type.PREFIX);
      case "mixtral" -> new MixtralType(true);
      case "mistral" -> new MixtralType(false);
      default ->
          throw new InterchangeException(
              "a model of type " + modelType,
              List.of(
                  "config.json: model_type is \"%s\", must be one of %s"
                      .formatted(modelType, NAMES)));
    };
  }

  /** The type that a model of Spark MoE is written as, if it has no {@link #problems}. */
  static ModelType of(ModelConfig model) {
    return model.architecture() == Architecture.GPT2
        ? new Gpt2Type(Gpt2Type.PREFIX)
        : new MixtralType(model.moeLayerCount() > 0);
  }
}
