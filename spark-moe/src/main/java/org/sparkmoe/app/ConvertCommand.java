package org.sparkmoe.app;

import java.io.IOException;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.Path;
import org.jspecify.annotations.Nullable;
import org.sparkmoe.interchange.HuggingFaceReader;
import org.sparkmoe.interchange.HuggingFaceWriter;
import org.sparkmoe.interchange.SourceModel;
import org.sparkmoe.interchange.SparkMoeWriter;
import org.sparkmoe.interchange.Upcycling;
import org.sparkmoe.train.StoredType;
import picocli.CommandLine.Command;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;
import picocli.CommandLine.TypeConversionException;

/** Models from and to Hugging Face's layouts. */
@Command(
    name = "convert",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description = {
      "Converts a model from Hugging Face's layout (mixtral, mistral, gpt2: config.json, safetensors"
          + " in one file or in shards, tokenizer.json) to a model directory, or back, on this"
          + " machine alone, one tensor at a time. Values stay as they are, bit for bit, unless"
          + " --dtype says otherwise.",
      "What the other side cannot hold is refused, all reasons at once: tensors that are missing,"
          + " left over or of another shape, sliding windows, scaled rotary positions, biases,"
          + " other activations, other gates than mixtral, shared experts.",
      "A converted model directory generates, is evaluated and is trained further:"
          + " its config.conf sets train.initial-model to itself."
    },
    footer = {
      "",
      "Examples:",
      "  spark-moe convert --input Mixtral-8x7B-v0.1 --output models/mixtral",
      "  spark-moe convert --input models/quickstart --output exported --shard-size 2GB"
          + " --dtype bf16",
      "  spark-moe convert --input gpt2 --output models/gpt2-moe --upcycle experts=8,k=2",
      "  spark-moe train --conf models/gpt2-moe/config.conf --set data.paths=my-text"
    })
final class ConvertCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;

  @Option(
      names = "--input",
      required = true,
      paramLabel = "DIR",
      description =
          "Model in either layout, on any Hadoop file system: one with a config.json is Hugging"
              + " Face's.")
  private String input;

  @Option(
      names = "--output",
      required = true,
      paramLabel = "DIR",
      description = "New directory, on any Hadoop file system.")
  private String output;

  @Option(
      names = "--to",
      paramLabel = "LAYOUT",
      description =
          "${COMPLETION-CANDIDATES} (default: the other one than that of --input; spark-moe with"
              + " --upcycle).")
  private @Nullable Layout to;

  @Option(
      names = "--dtype",
      paramLabel = "TYPE",
      description =
          "f32 or bf16: the type of all tensors written (default: as they are; f16 becomes f32).")
  private @Nullable Type dtype;

  @Option(
      names = "--shard-size",
      paramLabel = "SIZE",
      defaultValue = "5GB",
      converter = Size.class,
      description =
          "Most bytes of a file in Hugging Face's layout, with KB, MB or GB for powers of 1000"
              + " (default: ${DEFAULT-VALUE}).")
  private long shardSize;

  @Option(
      names = "--tokenizer",
      paramLabel = "NAME",
      description =
          "byte, gpt2 or the path of a tokenizer.json (default: the tokenizer.json of --input).")
  private @Nullable String tokenizer;

  @Option(
      names = "--upcycle",
      paramLabel = "experts=E,k=K,…",
      converter = UpcyclingConverter.class,
      description =
          "Makes experts of a dense model's feed-forward layers (Sparse Upcycling): each expert is"
              + " a copy, the router is random. Also layers=all (or every-2, or 1+3),"
              + " deviation=0.02 of the router's weights, and seed=1. Before it is trained, the"
              + " result computes what the dense model does.")
  private @Nullable Upcycling upcycling;

  /** Where a model comes from or goes to. */
  enum Layout {
    HUGGINGFACE,
    SPARK_MOE;

    @Override
    public String toString() {
      return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }
  }

  /** The types that are written. */
  enum Type {
    F32,
    BF16;

    StoredType stored() {
      return this == F32 ? StoredType.F32 : StoredType.BF16;
    }
  }

  @Override
  public Integer call() throws IOException {
    Configuration hadoop = new Configuration();
    Path from = new Path(input);
    Layout layout = layoutOf(from, hadoop);
    if (tokenizer != null && layout == Layout.SPARK_MOE) {
      throw new RefusedException("--tokenizer is for an --input in Hugging Face's layout");
    }
    try (SourceModel source = open(from, layout, hadoop)) {
      SourceModel model = upcycling == null ? source : upcycling.apply(source);
      @Nullable StoredType type = dtype == null ? null : dtype.stored();
      Path target = new Path(output);
      if (target(layout) == Layout.HUGGINGFACE) {
        new HuggingFaceWriter(hadoop, shardSize, type).write(model, target);
      } else {
        new SparkMoeWriter(hadoop).write(model, target, type);
      }
      spec.commandLine().getOut().printf("%s: %d tensors%n", target, model.tensors().size());
      spec.commandLine().getOut().flush();
    }
    return 0;
  }

  private Layout target(Layout source) {
    if (to != null) {
      return to;
    }
    boolean stays = upcycling != null || source == Layout.HUGGINGFACE;
    return stays ? Layout.SPARK_MOE : Layout.HUGGINGFACE;
  }

  private static Layout layoutOf(Path directory, Configuration hadoop) throws IOException {
    Path config = new Path(directory, HuggingFaceReader.CONFIG_FILE);
    return directory.getFileSystem(hadoop).exists(config) ? Layout.HUGGINGFACE : Layout.SPARK_MOE;
  }

  private SourceModel open(Path from, Layout layout, Configuration hadoop) {
    try {
      return layout == Layout.HUGGINGFACE
          ? new HuggingFaceReader(from, hadoop).open(tokenizer)
          : SourceModel.ofSparkMoe(from, hadoop);
    } catch (IOException e) {
      throw new RefusedException("--input cannot be used: " + e.getMessage());
    }
  }

  /** Reads {@code 500MB}. */
  static final class Size implements ITypeConverter<Long> {
    private static final Pattern PATTERN = Pattern.compile("([1-9][0-9]{0,8})([KMG]?B|)");

    @Override
    public Long convert(String value) {
      Matcher matcher = PATTERN.matcher(value.strip().toUpperCase(Locale.ROOT));
      if (!matcher.matches()) {
        throw new TypeConversionException(
            "'%s' is no size, must be a number above 0 with B, KB, MB or GB".formatted(value));
      }
      long factor =
          switch (matcher.group(2)) {
            case "KB" -> 1_000;
            case "MB" -> 1_000_000;
            case "GB" -> 1_000_000_000;
            default -> 1;
          };
      return Long.parseLong(matcher.group(1)) * factor;
    }
  }

  /** Reads {@code experts=8,k=2}. */
  static final class UpcyclingConverter implements ITypeConverter<Upcycling> {
    @Override
    public Upcycling convert(String value) {
      try {
        return Upcycling.parse(value);
      } catch (IllegalArgumentException e) {
        throw new TypeConversionException(String.valueOf(e.getMessage()));
      }
    }
  }
}
