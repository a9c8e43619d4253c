package org.sparkmoe.interchange;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;
import org.jspecify.annotations.Nullable;
import org.sparkmoe.data.TokenizerJson;
import org.sparkmoe.runtime.RunConfig;
import org.sparkmoe.train.StoredType;
import org.sparkmoe.train.TensorSource;

/** Writes a directory in Hugging Face's layout. */
public final class HuggingFaceWriter {
  private static final Set<StoredType> WRITTEN = Set.of(StoredType.F32, StoredType.BF16);

  private final Configuration hadoop;
  private final long shardBytes;
  private final @Nullable StoredType type;

  /**
   * @param shardBytes most bytes of tensors in a file; one tensor may have more
   * @param type F32 or BF16, of all tensors; null: as they are
   */
  public HuggingFaceWriter(Configuration hadoop, long shardBytes, @Nullable StoredType type) {
    this.hadoop = hadoop;
    this.shardBytes = shardBytes;
    this.type = type;
  }

  /**
   * Writes {@code model} to a new directory, one tensor at a time; it appears whole.
   *
   * @throws InterchangeException with all reasons why the model cannot be written so, or if the
   *     directory is there already
   * @throws IOException if a tensor cannot be read or the directory not be written
   */
  public void write(SourceModel model, Path directory) throws IOException {
    NewDirectory target = NewDirectory.of(directory, hadoop);
    RunConfig config = model.config();
    ModelType modelType = ModelType.of(config.model());
    refuse(model, modelType.problems(config.model(), config.moe()));
    List<Correspondence> tensors =
        modelType.tensors(config.model(), config.moe(), model.vocabSize());
    refuse(model, problems(model, tensors));
    String tokenizer = TokenizerJson.of(model.tokenizer());
    try (LastRead last = new LastRead()) {
      Map<String, TensorSource> theirs = theirs(model, tensors, last);
      target.fill(
          aside -> {
            ShardWriter shards = new ShardWriter(target.files(), aside, shardBytes);
            shards.write(theirs);
            write(aside, HuggingFaceReader.TOKENIZER_FILE, tokenizer);
            writeFields(aside, new ConfigFile(modelType, config, model.tokenizer(), theirs));
          });
    }
  }

  private static void refuse(SourceModel model, List<String> problems) {
    if (!problems.isEmpty()) {
      throw new InterchangeException(model.origin().toString(), problems);
    }
  }

  /** What is missing, left over, of another shape or of a type that cannot be written. */
  private List<String> problems(SourceModel model, List<Correspondence> tensors) {
    List<String> problems = new ArrayList<>();
    Set<String> left = new LinkedHashSet<>(model.tensors().keySet());
    for (Correspondence tensor : tensors) {
      TensorSource source = model.tensors().get(tensor.ours());
      left.remove(tensor.ours());
      String shape = source == null ? "none, it is missing" : Arrays.toString(source.shape());
      if (source == null || !Arrays.equals(source.shape(), tensor.shape())) {
        problems.add(
            "tensor %s has shape %s, must have %s (there %s of shape %s)"
                .formatted(
                    tensor.ours(),
                    shape,
                    Arrays.toString(tensor.shape()),
                    tensor.theirs().get(0),
                    Arrays.toString(tensor.theirShape())));
      } else if (type == null && !WRITTEN.contains(source.type())) {
        problems.add(
            "tensor %s has type %s, must be F32 or BF16: choose one to write"
                .formatted(tensor.ours(), source.type()));
      }
    }
    for (String name : left) {
      problems.add(
          "tensor %s of shape %s has no place in Hugging Face's layout"
              .formatted(name, Arrays.toString(model.tensors().get(name).shape())));
    }
    return problems;
  }

  private Map<String, TensorSource> theirs(
      SourceModel model, List<Correspondence> tensors, LastRead last) {
    Map<String, TensorSource> theirs = new LinkedHashMap<>();
    for (Correspondence tensor : tensors) {
      TensorSource source = model.tensors().get(tensor.ours());
      for (int i = 0; i < tensor.theirs().size(); i++) {
        StoredType as = type == null ? source.type() : type;
        theirs.put(tensor.theirs().get(i), new TakenTensor(tensor, i, source, as, last));
      }
    }
    return theirs;
  }

  private void writeFields(Path directory, ConfigFile file) throws IOException {
    write(directory, "generation_config.json", json(file.generation()));
    write(directory, "tokenizer_config.json", json(file.tokenizer()));
    write(directory, HuggingFaceReader.CONFIG_FILE, json(file.config()));
  }

  private static String json(Map<String, Object> fields) throws IOException {
    return new ObjectMapper().writerWithDefaultPrettyPrinter().writeValueAsString(fields) + "\n";
  }

  private void write(Path directory, String name, String text) throws IOException {
    FileSystem files = directory.getFileSystem(hadoop);
    try (OutputStream out = files.create(new Path(directory, name), true)) {
      out.write(text.getBytes(StandardCharsets.UTF_8));
    }
  }

  /** One of Hugging Face's tensors, taken out of one of ours. */
  private record TakenTensor(
      Correspondence tensor, int index, TensorSource source, StoredType type, LastRead last)
      implements TensorSource {
    @Override
    public long[] shape() {
      return tensor.theirShape();
    }

    @Override
    public org.bytedeco.pytorch.Tensor load() throws IOException {
      return tensor.take(last.read(source), index).to(type.scalarType());
    }
  }
}
