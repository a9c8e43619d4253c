package org.sparkmoe.data;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * The sequences of one rank, as often as training wants them: in memory up to a limit, the rest in
 * a local file that goes away on {@link #close}.
 *
 * <p>The first epoch takes the global batches in order. Each later one permutes whole global
 * batches by seed and epoch, so that all ranks agree without talking, whatever the layout; where to
 * go on after a restart follows from the step alone.
 */
public final class SequenceSpool implements AutoCloseable {
  private final List<int[]> memory = new ArrayList<>();
  private final int perBatch;
  private final int rowLength;
  private final long rows;
  private final int[] rowTargets;
  private final long seed;
  private final @Nullable Path file;
  private final @Nullable FileChannel channel;

  /**
   * Where and how much a spool may hold.
   *
   * @param sequenceLength L
   * @param perBatch sequences of this rank in a global batch, GB / DP
   * @param seed decides the order of batches in later epochs
   * @param memoryBytes bytes of tokens kept in memory
   * @param directory local directory for the rest
   */
  public record Limits(
      int sequenceLength, int perBatch, long seed, long memoryBytes, Path directory) {}

  /**
   * Reads {@code sequences} to the end.
   *
   * @throws DataException if there is not one whole batch, or a sequence has another length than L
   *     + 1
   * @throws UncheckedIOException if the local file cannot be written
   */
  public SequenceSpool(Iterator<TokenSequence> sequences, Limits limits) {
    perBatch = limits.perBatch();
    rowLength = limits.sequenceLength() + 1;
    seed = limits.seed();
    IntStream.Builder targets = IntStream.builder();
    long inMemory = limits.memoryBytes() / ((long) rowLength * Integer.BYTES);
    while (sequences.hasNext() && memory.size() < inMemory) {
      memory.add(counted(sequences.next(), targets));
    }
    if (sequences.hasNext()) {
      try {
        Files.createDirectories(limits.directory());
        file = Files.createTempFile(limits.directory(), "sequences-", ".spool");
        channel = FileChannel.open(file, StandardOpenOption.READ, StandardOpenOption.WRITE);
      } catch (IOException e) {
        throw new UncheckedIOException(
            "data.spool-directory %s cannot be written".formatted(limits.directory()), e);
      }
    } else {
      file = null;
      channel = null;
    }
    try {
      rows = memory.size() + (channel == null ? 0 : writeRows(sequences, targets, channel));
      rowTargets = targets.build().toArray();
      if (rows == 0 || rows % perBatch != 0) {
        throw new DataException(
            "the rank has %d sequences, must be a positive multiple of its %d a global batch"
                .formatted(rows, perBatch));
      }
    } catch (RuntimeException e) {
      close();
      throw e;
    }
  }

  /** Number of global batches in an epoch. */
  public long batches() {
    return rows / perBatch;
  }

  /** The batch that {@code step} (from 0, over all epochs) trains on. */
  public long batchOfStep(long step) {
    long epoch = step / batches();
    long batch = step % batches();
    return epoch == 0
        ? batch
        : new Permutation(batches(), Permutation.mix(seed) + epoch).apply(batch);
  }

  /**
   * Slots {@code from … from + count} of the batch of {@code step}; rows of L + 1 tokens, marked as
   * {@link ContextToken} says.
   */
  public int[][] sequences(long step, int from, int count) {
    return batch(batchOfStep(step), from, count);
  }

  /**
   * Slots {@code from … from + count} of this rank's part of global batch {@code batch}; rows of L
   * + 1 tokens, marked as {@link ContextToken} says.
   *
   * @throws IndexOutOfBoundsException if they are not there
   */
  public int[][] batch(long batch, int from, int count) {
    if (batch < 0 || batch >= batches() || from < 0 || count < 0 || from + count > perBatch) {
      throw new IndexOutOfBoundsException(
          "slots %d to %d of batch %d: there are %d slots and %d batches"
              .formatted(from, from + count, batch, perBatch, batches()));
    }
    int[][] result = new int[count][];
    for (int i = 0; i < count; i++) {
      result[i] = row(batch * perBatch + from + i);
    }
    return result;
  }

  /**
   * Predicted tokens that carry a loss in this rank's part of global batch {@code batch}.
   *
   * @throws IndexOutOfBoundsException if there is no such batch
   */
  public long targets(long batch) {
    int first = Math.toIntExact(batch * perBatch);
    long targets = 0;
    for (int row = first; row < first + perBatch; row++) {
      targets += rowTargets[row];
    }
    return targets;
  }

  /** Bytes in the local file. */
  public long bytesOnDisk() {
    return (rows - memory.size()) * rowLength * Integer.BYTES;
  }

  @Override
  public void close() {
    try {
      if (channel != null) {
        channel.close();
      }
      if (file != null) {
        Files.deleteIfExists(file);
      }
    } catch (IOException e) {
      throw new UncheckedIOException("spool file %s cannot be deleted".formatted(file), e);
    }
  }

  private int[] row(long index) {
    if (index < memory.size()) {
      return memory.get((int) index).clone();
    }
    ByteBuffer bytes = ByteBuffer.allocate(rowLength * Integer.BYTES);
    long position = (index - memory.size()) * bytes.capacity();
    try {
      while (bytes.hasRemaining()) {
        if (channel == null || channel.read(bytes, position + bytes.position()) < 0) {
          throw new IOException("the file ends before sequence " + index);
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException("spool file %s cannot be read".formatted(file), e);
    }
    int[] row = new int[rowLength];
    bytes.flip().asIntBuffer().get(row);
    return row;
  }

  private long writeRows(
      Iterator<TokenSequence> sequences, IntStream.Builder targets, FileChannel out) {
    ByteBuffer bytes = ByteBuffer.allocate(rowLength * Integer.BYTES);
    long written = 0;
    try {
      while (sequences.hasNext()) {
        bytes.clear();
        bytes.asIntBuffer().put(counted(sequences.next(), targets));
        while (bytes.hasRemaining()) {
          out.write(bytes);
        }
        written++;
      }
    } catch (IOException e) {
      throw new UncheckedIOException("spool file %s cannot be written".formatted(file), e);
    }
    return written;
  }

  private int[] counted(TokenSequence sequence, IntStream.Builder targets) {
    if (sequence.tokens().length != rowLength) {
      throw new DataException(
          "sequence %d has %d tokens, must have data.sequence-length + 1 = %d"
              .formatted(sequence.position(), sequence.tokens().length, rowLength));
    }
    targets.add(ContextToken.countTargets(sequence.tokens()));
    return sequence.tokens();
  }
}
