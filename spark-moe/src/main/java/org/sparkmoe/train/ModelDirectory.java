package org.sparkmoe.train;

import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;
import org.bytedeco.pytorch.Tensor;
import org.sparkmoe.data.TokenizerSpec;
import org.sparkmoe.model.LanguageModel;
import org.sparkmoe.tensor.Parameter;
import org.sparkmoe.tensor.TensorScope;

/**
 * A trained model on any Hadoop file system: {@code model.safetensors} with whole tensors, {@code
 * config.conf}, the tokenizer, {@code training-log.jsonl} and {@code provenance.json}.
 */
public final class ModelDirectory {
  public static final String WEIGHTS_FILE = "model.safetensors";
  public static final String CONFIG_FILE = "config.conf";
  public static final String PROVENANCE_FILE = "provenance.json";
  public static final String LOG_FILE = CheckpointWriter.LOG_FILE;

  private static final int MAX_TEXT_BYTES = 16 << 20;

  private final Path directory;
  private final Configuration hadoop;
  private final FileSystem files;

  private ModelDirectory(Path directory, Configuration hadoop) throws IOException {
    this.directory = directory;
    this.hadoop = hadoop;
    this.files = directory.getFileSystem(hadoop);
  }

  /**
   * What stands beside the weights.
   *
   * @param configText HOCON, complete
   * @param tokenizer the one the model was trained with
   * @param provenanceJson what made the model: versions, data, command
   */
  public record Contents(String configText, TokenizerSpec tokenizer, String provenanceJson) {}

  /**
   * Makes a model directory from a checkpoint: puts the boxes of all ranks together, one tensor at
   * a time. Each file appears whole, the weights last. Needs no ranks.
   *
   * @param checkpoint as named by {@link TrainingSummary#checkpoint()}
   * @throws IOException if the checkpoint is damaged, or the directory cannot be written
   */
  public static ModelDirectory publish(
      Path directory, Path checkpoint, Contents contents, Configuration hadoop) throws IOException {
    ModelDirectory model = new ModelDirectory(directory, hadoop);
    model.write(contents);
    FileSystem from = checkpoint.getFileSystem(hadoop);
    Path log = new Path(checkpoint, CheckpointWriter.LOG_FILE);
    if (from.exists(log)) {
      try (InputStream in = from.open(log)) {
        model.write(LOG_FILE, in::transferTo);
      }
    }
    try (CheckpointReader reader = CheckpointReader.open(from, checkpoint)) {
      model.writeWeights(reader);
    }
    return model;
  }

  /**
   * Makes a model directory from weights of any origin, one tensor at a time, the weights last.
   *
   * @param weights whole tensors by the names of {@link LanguageModel}
   * @throws IOException if a tensor cannot be read, or the directory not be written
   */
  public static ModelDirectory write(
      Path directory,
      Contents contents,
      Map<String, ? extends TensorSource> weights,
      Configuration hadoop)
      throws IOException {
    ModelDirectory model = new ModelDirectory(directory, hadoop);
    model.write(contents);
    model.write(WEIGHTS_FILE, out -> SafetensorsWriter.write(out, weights, Map.of("format", "pt")));
    return model;
  }

  private void write(Contents contents) throws IOException {
    files.mkdirs(directory);
    write(CONFIG_FILE, bytes(contents.configText()));
    write(PROVENANCE_FILE, bytes(contents.provenanceJson()));
    contents.tokenizer().save(directory, hadoop);
  }

  private void writeWeights(CheckpointReader reader) throws IOException {
    WeightSource weights = reader.weights();
    String prefix = StatePart.VALUE.prefix();
    Map<String, TensorSource> whole = new LinkedHashMap<>();
    for (Map.Entry<String, long[]> tensor : weights.shapes().entrySet()) {
      if (tensor.getKey().startsWith(prefix)) {
        whole.put(
            tensor.getKey().substring(prefix.length()),
            new WholeTensor(weights, tensor.getKey(), tensor.getValue()));
      }
    }
    Map<String, String> metadata =
        Map.of("format", "pt", "step", Long.toString(reader.cursor().step()));
    write(WEIGHTS_FILE, out -> SafetensorsWriter.write(out, whole, metadata));
  }

  private record WholeTensor(WeightSource weights, String name, long[] shape)
      implements TensorSource {
    @Override
    public StoredType type() {
      return weights.type(name);
    }

    @Override
    public Tensor load() throws IOException {
      return weights.read(name, Box.whole(shape));
    }
  }

  /** Writes to a file. */
  @FunctionalInterface
  private interface Content {
    void writeTo(OutputStream out) throws IOException;
  }

  private static Content bytes(String text) {
    return out -> out.write(text.getBytes(StandardCharsets.UTF_8));
  }

  private void write(String name, Content content) throws IOException {
    Path aside = new Path(directory, ".writing-" + name);
    Path file = new Path(directory, name);
    try (OutputStream out = files.create(aside, true)) {
      content.writeTo(out);
    }
    files.delete(file, false);
    if (!files.rename(aside, file)) {
      throw new IOException("%s cannot be renamed to %s".formatted(aside, file));
    }
  }

  /**
   * Opens what {@link #publish} made.
   *
   * @throws IOException if it is no model directory
   */
  public static ModelDirectory open(Path directory, Configuration hadoop) throws IOException {
    ModelDirectory model = new ModelDirectory(directory, hadoop);
    for (String file : List.of(WEIGHTS_FILE, CONFIG_FILE)) {
      if (!model.files.exists(new Path(directory, file))) {
        throw new FileNotFoundException(
            "%s has no %s, must be a model directory that training made"
                .formatted(directory, file));
      }
    }
    return model;
  }

  public Path path() {
    return directory;
  }

  /** The HOCON text that the model was made with. */
  public String configText() throws IOException {
    return text(CONFIG_FILE);
  }

  /** The lines of the training log, one JSON object each; empty if there is none. */
  public List<String> trainingLog() throws IOException {
    return files.exists(new Path(directory, LOG_FILE))
        ? text(LOG_FILE).lines().toList()
        : List.of();
  }

  /** The tokenizer that the model was trained with. */
  public TokenizerSpec tokenizer() {
    return TokenizerSpec.load(directory, hadoop);
  }

  /**
   * The file of the whole weights; the caller closes it.
   *
   * @throws IOException if it is no safetensors file
   */
  public SafetensorsReader weights() throws IOException {
    return SafetensorsReader.open(files, new Path(directory, WEIGHTS_FILE));
  }

  private String text(String name) throws IOException {
    Path file = new Path(directory, name);
    try (InputStream in = files.open(file)) {
      byte[] bytes = in.readNBytes(MAX_TEXT_BYTES + 1);
      if (bytes.length > MAX_TEXT_BYTES) {
        throw new IOException("%s is larger than %d bytes".formatted(file, MAX_TEXT_BYTES));
      }
      return new String(bytes, StandardCharsets.UTF_8);
    }
  }

  /**
   * Fills the values of a model's parameters, of any layout.
   *
   * @param model this rank's part
   * @throws IOException if a tensor is missing, left over, of another shape or damaged
   */
  public void loadInto(LanguageModel model) throws IOException {
    Path file = new Path(directory, WEIGHTS_FILE);
    try (WeightSource weights = new BoxedWeights(List.of(weights()))) {
      Set<String> left = new LinkedHashSet<>(weights.shapes().keySet());
      left.removeIf(model::isElsewhere);
      for (Parameter parameter : model.parameters()) {
        try (TensorScope scope = TensorScope.open()) {
          Tensor stored = weights.read(parameter.name(), Box.of(parameter));
          parameter.value().detach().copy_(stored);
        }
        left.remove(parameter.name());
      }
      if (!left.isEmpty()) {
        throw new SafetensorsException(
            "%s has tensors that the configured model has not: %s".formatted(file, left));
      }
    }
  }
}
