package org.sparkmoe.train;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;
import org.bytedeco.pytorch.Tensor;
import org.sparkmoe.tensor.TensorScope;
import org.sparkmoe.topology.RankGroups;

/**
 * Writes checkpoints: a set of boxes (each with its place in the whole tensor), so that any layout
 * can read what any other wrote.
 *
 * <p>Each rank writes the boxes it owns to a shard of its own in a directory aside. When all have
 * done so, rank 0 adds log and manifest and renames the directory. A crash at any byte before that
 * leaves the checkpoints before it as they were.
 */
final class CheckpointWriter {
  static final String LOG_FILE = "training-log.jsonl";
  static final String BOX = "box/";

  private final CheckpointDirectory directory;
  private final RankGroups groups;
  private final RankReports ranks;
  private final int keep;

  CheckpointWriter(CheckpointDirectory directory, RankGroups groups, RankReports ranks, int keep) {
    this.directory = directory;
    this.groups = groups;
    this.ranks = ranks;
    this.keep = keep;
  }

  /**
   * Writes and publishes the checkpoint; all ranks together.
   *
   * @param log the training log so far, one JSON object a line; rank 0's counts
   * @return its directory
   * @throws CheckpointException on every rank if any rank failed
   */
  Path write(List<ParameterGroup> parameters, TrainingCursor cursor, List<String> log) {
    long step = cursor.step();
    FileSystem files = directory.files();
    Path aside = directory.aside(step);
    ranks.first("make " + aside, () -> makeEmpty(files, aside));
    Path file = new Path(aside, CheckpointManifest.Shard.name(groups.rank()));
    long[] written = new long[2];
    ranks.together("write " + file, () -> writeShard(parameters, file, written));
    long[][] shards = ranks.gather(written);
    ranks.first(
        "publish " + directory.published(step),
        () -> {
          writeFile(new Path(aside, LOG_FILE), lines(log));
          writeFile(new Path(aside, CheckpointManifest.FILE), manifest(cursor, shards).toJson());
          directory.publish(step);
          directory.prune(keep);
        });
    return directory.published(step);
  }

  private static void makeEmpty(FileSystem files, Path aside) throws IOException {
    files.delete(aside, true);
    if (!files.mkdirs(aside)) {
      throw new IOException("directory " + aside + " cannot be made");
    }
  }

  private void writeShard(List<ParameterGroup> parameters, Path file, long[] written)
      throws IOException {
    try (TensorScope scope = TensorScope.open()) {
      Map<String, TensorSource> tensors = new LinkedHashMap<>();
      Map<String, String> metadata = new LinkedHashMap<>();
      for (ParameterGroup group : parameters) {
        if (group.isOwner(groups)) {
          collect(group, tensors, metadata);
        }
      }
      SafetensorsHeader header;
      try (OutputStream out = directory.files().create(file, true)) {
        header = SafetensorsWriter.write(out, tensors, metadata);
      }
      byte[] json = header.toJson();
      written[0] = Long.BYTES + json.length + header.dataBytes();
      written[1] = SafetensorsReader.crc(json);
    }
  }

  private static void collect(
      ParameterGroup group, Map<String, TensorSource> tensors, Map<String, String> metadata) {
    for (ParameterGroup.Slot slot : group.slots()) {
      String box = Box.of(slot.parameter()).text();
      for (StatePart part : StatePart.values()) {
        // The box makes the name unique where a rank holds two parts of one whole tensor.
        String name = part.prefix() + slot.parameter().name() + "[" + box + "]";
        Tensor tensor = group.box(part.flat(group), slot);
        tensors.put(name, TensorSource.of(tensor));
        metadata.put(BOX + name, box);
      }
    }
  }

  private static CheckpointManifest manifest(TrainingCursor cursor, long[][] written) {
    List<CheckpointManifest.Shard> shards = new ArrayList<>();
    for (int rank = 0; rank < written.length; rank++) {
      shards.add(
          new CheckpointManifest.Shard(
              CheckpointManifest.Shard.name(rank), written[rank][0], (int) written[rank][1]));
    }
    return new CheckpointManifest(cursor, shards);
  }

  private static byte[] lines(List<String> log) {
    return String.join("", log.stream().map(line -> line + "\n").toList())
        .getBytes(StandardCharsets.UTF_8);
  }

  private void writeFile(Path file, byte[] bytes) throws IOException {
    try (OutputStream out = directory.files().create(file, true)) {
      out.write(bytes);
    }
  }
}
