package org.sparkmoe.interchange;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import org.apache.hadoop.conf.Configuration;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.jspecify.annotations.Nullable;
import org.sparkmoe.model.LanguageModel;
import org.sparkmoe.model.Ranks;
import org.sparkmoe.runtime.RunConfig;
import org.sparkmoe.runtime.TrainedModel;
import org.sparkmoe.tensor.ParameterInitializer;
import org.sparkmoe.tensor.Precision;
import org.sparkmoe.tensor.TensorScope;
import org.sparkmoe.topology.RankGroups;
import org.sparkmoe.topology.Topology;
import org.sparkmoe.train.ModelDirectory;
import org.sparkmoe.train.StoredType;

/** Conversions between local directories, and what the converted model computes. */
final class Conversions {
  static final long[] TOKENS = {72, 101, 108, 108, 111, 256, 0, 255};

  private static final Configuration HADOOP = new Configuration();

  private Conversions() {}

  static org.apache.hadoop.fs.Path hadoop(Path path) {
    return new org.apache.hadoop.fs.Path(path.toUri());
  }

  static void fromHuggingFace(Path from, Path to) throws IOException {
    try (SourceModel model = new HuggingFaceReader(hadoop(from), HADOOP).open(null)) {
      new SparkMoeWriter(HADOOP).write(model, hadoop(to), null);
    }
  }

  static void toHuggingFace(Path from, Path to, long shardBytes, @Nullable StoredType type)
      throws IOException {
    try (SourceModel model = SourceModel.ofSparkMoe(hadoop(from), HADOOP)) {
      new HuggingFaceWriter(HADOOP, shardBytes, type).write(model, hadoop(to));
    }
  }

  static void upcycle(Path from, Path to, String how) throws IOException {
    try (SourceModel model = SourceModel.ofSparkMoe(hadoop(from), HADOOP)) {
      new SparkMoeWriter(HADOOP).write(Upcycling.parse(how).apply(model), hadoop(to), null);
    }
  }

  static RunConfig config(Path model) throws IOException {
    return TrainedModel.open(hadoop(model), java.util.List.of(), HADOOP).config();
  }

  /** Logits of {@link #TOKENS} in f64, {@code [L][V]}, from the last rank. */
  static double[][] logits(Path model, Topology topology) {
    return Ranks.run(topology, groups -> logits(model, groups)).get(topology.world() - 1);
  }

  private static double[][] logits(Path directory, RankGroups groups) {
    try (TensorScope scope = TensorScope.open()) {
      RunConfig config = config(directory);
      LanguageModel model =
          LanguageModel.create(
              config.model(),
              config.moe(),
              TinyHuggingFace.V,
              groups,
              ParameterInitializer.cpu(1, Precision.F64));
      ModelDirectory.open(hadoop(directory), HADOOP).loadInto(model);
      Tensor logits = model.logits(Tensor.create(TOKENS, 1, TOKENS.length));
      double[] flat = new double[TOKENS.length * TinyHuggingFace.V];
      logits.to(ScalarType.Double).contiguous().<java.nio.DoubleBuffer>createBuffer().get(flat);
      double[][] rows = new double[TOKENS.length][TinyHuggingFace.V];
      for (int p = 0; p < rows.length; p++) {
        System.arraycopy(flat, p * TinyHuggingFace.V, rows[p], 0, TinyHuggingFace.V);
      }
      return rows;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
