package org.sparkmoe.collective;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.LockSupport;

/**
 * Exchanges messages through files of a directory that all ranks see, for processes that Spark did
 * not start. A message appears whole, by a rename. Whoever may write to the directory may join.
 */
public final class DirectoryRendezvous implements Rendezvous {
  private static final long POLL_NANOS = 5_000_000;

  private final Path directory;
  private final int rank;
  private final int size;
  private final Duration timeout;
  private int round;

  /**
   * @param directory that exists, for one world only
   * @param rank of this process, from 0
   * @param size number of ranks
   * @param timeout how long the others may take to come to a round
   */
  public DirectoryRendezvous(Path directory, int rank, int size, Duration timeout) {
    this.directory = directory;
    this.rank = rank;
    this.size = size;
    this.timeout = timeout;
  }

  @Override
  public List<String> allGather(String message) {
    try {
      Path written = Files.writeString(directory.resolve("writing-" + rank), message);
      Files.move(written, file(rank), StandardCopyOption.ATOMIC_MOVE);
      List<String> messages = new ArrayList<>(size);
      long deadline = System.nanoTime() + timeout.toNanos();
      for (int peer = 0; peer < size; peer++) {
        while (!Files.exists(file(peer))) {
          if (System.nanoTime() - deadline > 0) {
            throw new IllegalStateException(
                "rank %d: rank %d of %d did not come to round %d within %d s"
                    .formatted(rank, peer, size, round, timeout.toSeconds()));
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
