package org.sparkmoe.train;

import java.io.IOException;
import java.io.OutputStream;
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
 * The boxes that one rank writes, each with its place in the whole tensor, so that any layout can
 * read what any other wrote.
 */
final class CheckpointShard {
  static final String BOX = "box/";

  /** One parameter's state of one kind; {@code shape} in elements. */
  private record Piece(
      String name,
      String box,
      ParameterGroup group,
      StatePart part,
      ParameterGroup.Slot slot,
      long[] shape) {

    Tensor of(StateTensors state) {
      return state.flat(group, part).narrow(0, slot.start(), slot.count()).view(shape);
    }
  }

  /** The file, as a manifest names it. */
  record Written(long bytes, int headerCrc) {}

  private final List<ParameterGroup> owned;
  private final List<Piece> pieces = new ArrayList<>();

  CheckpointShard(List<ParameterGroup> parameters, RankGroups groups) {
    owned = parameters.stream().filter(group -> group.isOwner(groups)).toList();
    for (ParameterGroup group : owned) {
      for (ParameterGroup.Slot slot : group.slots()) {
        Box box = Box.of(slot.parameter());
        for (StatePart part : StatePart.values()) {
          // The box makes the name unique where a rank holds two parts of one whole tensor.
          String name = part.prefix() + slot.parameter().name() + "[" + box.text() + "]";
          pieces.add(new Piece(name, box.text(), group, part, slot, box.shape()));
        }
      }
    }
  }

  /** The groups whose state is written. */
  List<ParameterGroup> owned() {
    return owned;
  }

  /**
   * Writes the shard over what is there, from any thread.
   *
   * @param notes for the file's metadata
   * @throws IOException if the file cannot be written
   */
  Written write(FileSystem files, Path file, StateTensors state, Map<String, String> notes)
      throws IOException {
    try (TensorScope scope = TensorScope.open()) {
      Map<String, TensorSource> tensors = new LinkedHashMap<>();
      Map<String, String> metadata = new LinkedHashMap<>(notes);
      for (Piece piece : pieces) {
        tensors.put(piece.name(), TensorSource.of(piece.of(state)));
        metadata.put(BOX + piece.name(), piece.box());
      }
      SafetensorsHeader header;
      try (OutputStream out = files.create(file, true)) {
        header = SafetensorsWriter.write(out, tensors, metadata);
      }
      byte[] json = header.toJson();
      return new Written(
          Long.BYTES + json.length + header.dataBytes(), SafetensorsReader.crc(json));
    }
  }
}
