package org.sparkmoe.benchmarks.testbed;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.LockSupport;
import org.sparkmoe.collective.Rendezvous;

/** Exchanges messages through files of a directory that all ranks see. */
final class DirectoryRendezvous implements Rendezvous {
  private static final long POLL_NANOS = 5_000_000;
  private static final long GIVE_UP_NANOS = 120_000_000_000L;

  private final Path directory;
  private final int rank;
  private final int size;
  private int round;

  DirectoryRendezvous(Path directory, int rank, int size) {
    this.directory = directory;
    this.rank = rank;
    this.size = size;
  }

  @Override
  public List<String> allGather(String message) {
    try {
      Path written = Files.writeString(directory.resolve("writing-" + rank), message);
      Files.move(written, file(rank), StandardCopyOption.ATOMIC_MOVE);
      List<String> messages = new ArrayList<>(size);
      long deadline = System.nanoTime() + GIVE_UP_NANOS;
      for (int peer = 0; peer < size; peer++) {
        while (!Files.exists(file(peer))) {
          if (System.nanoTime() > deadline) {
            throw new IllegalStateException(
                "rank %d: rank %d of %d did not come to round %d"
                    .formatted(rank, peer, size, round));
          }
          LockSupport.parkNanos(POLL_NANOS);
        }
        messages.add(Files.readString(file(peer)));
      }
      round++;
      return messages;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private Path file(int peer) {
    return directory.resolve("round-%d-rank-%d".formatted(round, peer));
  }
}
