package org.sparkmoe.train;

import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;
import org.bytedeco.pytorch.Tensor;
import org.sparkmoe.tensor.TensorScope;

/** Reads one published checkpoint at whatever layout this rank has. */
final class CheckpointReader implements AutoCloseable {
  private final CheckpointManifest manifest;
  private final List<SafetensorsReader> shards;
  private final WeightSource weights;

  /** Takes over {@code shards}. */
  private CheckpointReader(CheckpointManifest manifest, List<SafetensorsReader> shards)
      throws SafetensorsException {
    this.manifest = manifest;
    this.shards = List.copyOf(shards);
    this.weights = new BoxedWeights(shards);
  }

  /**
   * Opens a checkpoint and checks that all of its files are there with the headers they had.
   *
   * @throws IOException if it is incomplete or damaged; the message names the file and the fault
   */
  static CheckpointReader open(FileSystem files, Path directory) throws IOException {
    CheckpointManifest manifest = manifest(files, directory);
    List<SafetensorsReader> shards = new ArrayList<>();
    try {
      for (CheckpointManifest.Shard shard : manifest.shards()) {
        shards.add(open(files, directory, shard));
      }
      return new CheckpointReader(manifest, shards);
    } catch (IOException | RuntimeException e) {
      for (SafetensorsReader shard : shards) {
        shard.close();
      }
      throw e;
    }
  }

  private static CheckpointManifest manifest(FileSystem files, Path directory) throws IOException {
    Path file = new Path(directory, CheckpointManifest.FILE);
    FileStatus status;
    try {
      status = files.getFileStatus(file);
    } catch (FileNotFoundException e) {
      throw new IOException(file + " is missing: the checkpoint is incomplete", e);
    }
    if (status.getLen() > CheckpointManifest.MAX_BYTES) {
      throw new IOException(
          "%s has %d bytes, must have at most %d"
              .formatted(file, status.getLen(), CheckpointManifest.MAX_BYTES));
    }
    try (InputStream in = files.open(file)) {
      return CheckpointManifest.parse(in.readAllBytes());
    } catch (IOException e) {
      throw new IOException("%s: %s".formatted(directory, e.getMessage()), e);
    }
  }

  private static SafetensorsReader open(
      FileSystem files, Path directory, CheckpointManifest.Shard shard) throws IOException {
    Path file = new Path(directory, shard.file());
    long bytes = files.getFileStatus(file).getLen();
    if (bytes != shard.bytes()) {
      throw new IOException(
          "%s has %d bytes, must have %d: the checkpoint is incomplete"
              .formatted(file, bytes, shard.bytes()));
    }
    SafetensorsReader reader = SafetensorsReader.open(files, file);
    if (reader.headerCrc() != shard.headerCrc()) {
      reader.close();
      throw new IOException(
          "%s has a header with CRC32C %08x, must have %08x: the file is damaged"
              .formatted(file, reader.headerCrc(), shard.headerCrc()));
    }
    return reader;
  }

  TrainingCursor cursor() {
    return manifest.cursor();
  }

  /**
   * What the schedule of {@code rank} was planned from; empty if it had none.
   *
   * @throws SafetensorsException if that is damaged
   */
  Optional<PlanInputs> plan(int rank) throws SafetensorsException {
    return rank < shards.size()
        ? PlanInputs.of(shards.get(rank).header().metadata())
        : Optional.empty();
  }

  /** Everything in it; names begin with a {@link StatePart#prefix}. */
  WeightSource weights() {
    return weights;
  }

  /** Elements of all whole parameters. */
  long elements() {
    return weights.shapes().entrySet().stream()
        .filter(tensor -> tensor.getKey().startsWith(StatePart.VALUE.prefix()))
        .mapToLong(tensor -> SafetensorsHeader.elements(tensor.getValue()))
        .sum();
  }

  /**
   * Fills values and moments.
   *
   * @throws IOException if a tensor is missing, has another shape or is damaged
   */
  void restore(List<ParameterGroup> parameters) throws IOException {
    for (ParameterGroup group : parameters) {
      for (ParameterGroup.Slot slot : group.slots()) {
        for (StatePart part : StatePart.values()) {
          String name = part.prefix() + slot.parameter().name();
          restore(name, Box.of(slot.parameter()), group.box(part.flat(group), slot));
        }
      }
    }
  }

  private void restore(String name, Box box, Tensor into) throws IOException {
    try (TensorScope scope = TensorScope.open()) {
      into.copy_(weights.read(name, box));
    }
  }

  @Override
  public void close() throws IOException {
    weights.close();
  }
}
