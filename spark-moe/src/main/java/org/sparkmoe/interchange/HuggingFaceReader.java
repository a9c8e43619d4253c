package org.sparkmoe.interchange;

import com.fasterxml.jackson.databind.JsonNode;
import com.typesafe.config.ConfigFactory;
import com.typesafe.config.ConfigRenderOptions;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;
import org.jspecify.annotations.Nullable;
import org.sparkmoe.data.TokenizerJson;
import org.sparkmoe.data.TokenizerSpec;
import org.sparkmoe.runtime.RunConfig;

/** Opens a directory in Hugging Face's layout. */
public final class HuggingFaceReader {
  public static final String CONFIG_FILE = "config.json";
  static final String TOKENIZER_FILE = "tokenizer.json";

  private static final int MAX_CONTEXT = 1024;

  private final Path directory;
  private final Configuration hadoop;
  private final FileSystem files;

  /**
   * @throws IOException if the file system cannot be reached
   */
  public HuggingFaceReader(Path directory, Configuration hadoop) throws IOException {
    this.directory = directory;
    this.hadoop = hadoop;
    this.files = directory.getFileSystem(hadoop);
  }

  /**
   * Reads configuration, tokenizer and headers, no weights yet.
   *
   * @param tokenizer {@code byte}, {@code gpt2} or the path of a tokenizer.json; null for the
   *     directory's own
   * @throws InterchangeException with all reasons why it cannot be converted
   * @throws IOException if a file is missing or damaged
   */
  public SourceModel open(@Nullable String tokenizer) throws IOException {
    JsonNode json = BoundedFile.json(files, new Path(directory, CONFIG_FILE));
    HuggingFaceWeights weights = HuggingFaceWeights.open(files, directory);
    try {
      return open(json, tokenizer(tokenizer), weights);
    } catch (IOException | RuntimeException e) {
      weights.close();
      throw e;
    }
  }

  private TokenizerSpec tokenizer(@Nullable String named) throws IOException {
    if (named != null) {
      return TokenizerSpec.resolve(named, hadoop);
    }
    Path file = new Path(directory, TOKENIZER_FILE);
    if (!files.exists(file)) {
      throw new InterchangeException(
          directory.toString(),
          List.of("it has no " + TOKENIZER_FILE + ": name byte, gpt2 or a file as the tokenizer"));
    }
    return TokenizerJson.read(BoundedFile.text(files, file));
  }

  private SourceModel open(JsonNode json, TokenizerSpec tokenizer, HuggingFaceWeights weights)
      throws IOException {
    ModelType type = ModelType.named(json.path("model_type").asText(), weights.names());
    ConfigFields fields = new ConfigFields(json);
    Map<String, Object> settings = new LinkedHashMap<>(type.settings(fields));
    int vocabSize = fields.size("vocab_size");
    refuse(fields.problems());
    int longest = (Integer) settings.getOrDefault("model.max-sequence-length", MAX_CONTEXT);
    settings.put("data.sequence-length", Math.min(longest, MAX_CONTEXT));
    // There must be one, and the text that the model was trained on is not known.
    settings.put("data.paths", List.of("set-data.paths"));
    SourceModel model =
        new SourceModel(directory, hocon(settings), tokenizer, new LinkedHashMap<>(), weights);
    RunConfig config = model.config();
    List<String> problems = new ArrayList<>();
    if (model.vocabSize() != vocabSize) {
      problems.add(
          "config.json: vocab_size is %d, must be %d, the ids of the tokenizer"
              .formatted(vocabSize, model.vocabSize()));
    }
    List<Correspondence> tensors = type.tensors(config.model(), config.moe(), vocabSize);
    problems.addAll(new TensorCheckup(type, tensors, weights).problems());
    refuse(problems);
    for (Correspondence tensor : tensors) {
      model.tensors().put(tensor.ours(), new GatheredTensor(tensor, weights));
    }
    return model;
  }

  private void refuse(List<String> problems) {
    if (!problems.isEmpty()) {
      throw new InterchangeException(directory.toString(), problems);
    }
  }

  private static String hocon(Map<String, Object> settings) {
    return ConfigFactory.parseMap(settings).root().render(ConfigRenderOptions.concise());
  }
}
