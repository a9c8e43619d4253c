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
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.sparkmoe.collective.Communicator.Reduction;

/** One rank in a process of its own: prints the sum it got, then waits in a barrier if told so. */
final class GlooProcess {
  private GlooProcess() {}

  /** Arguments: rank, size, directory for the rendezvous, {@code sum} or {@code wait}. */
  public static void main(String[] args) {
    int rank = Integer.parseInt(args[0]);
    int size = Integer.parseInt(args[1]);
    torch.set_num_threads(1);
    List<Integer> everyone = IntStream.range(0, size).boxed().toList();
    try (GlooWorld world =
        GlooWorld.join(
            rank,
            size,
            new FileRendezvous(Path.of(args[2]), rank, size),
            "127.0.0.1",
            Duration.ofSeconds(60))) {
      Communicator all = world.create("all", everyone, Duration.ofSeconds(60));
      Tensor sum = torch.full(new long[] {30_000}, new Scalar(rank + 0.5));
      all.allReduce(sum, Reduction.SUM).await();
      System.out.println("SUM " + sum.min().item_double() + " " + sum.max().item_double());
      System.out.flush();
      if (args[3].equals("wait") && rank == size - 1) {
        LockSupport.park();
      }
      all.barrier().await();
    } catch (CollectiveException e) {
      System.out.println("FAILED " + e.getMessage());
    }
  }

  /** Messages as files, which appear whole by a rename. */
  private static final class FileRendezvous implements Rendezvous {
    private final Path directory;
    private final int rank;
    private final int size;
    private int round;

    FileRendezvous(Path directory, int rank, int size) {
      this.directory = directory;
      this.rank = rank;
      this.size = size;
    }

    @Override
    public List<String> allGather(String message) {
      try {
        Path draft = Files.writeString(directory.resolve("draft-" + rank), message);
        Files.move(draft, file(rank), StandardCopyOption.ATOMIC_MOVE);
        List<String> all = new ArrayList<>();
        for (int peer = 0; peer < size; peer++) {
          while (!Files.exists(file(peer))) {
            LockSupport.parkNanos(5_000_000);
          }
          all.add(Files.readString(file(peer)));
        }
        round++;
        return all;
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }

    private Path file(int peer) {
      return directory.resolve(round + "-" + peer);
    }
  }
}
