package org.sparkmoe.collective;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.sparkmoe.collective.Communicator.Reduction;

/** One rank in a process of its own: prints the sum it got, then waits in a barrier if told so. */
final class GlooProcess {
  private static final Duration TIMEOUT = Duration.ofSeconds(60);

  private GlooProcess() {}

  /** Arguments: rank, size, directory for the rendezvous, {@code sum} or {@code wait}. */
  public static void main(String[] args) {
    int rank = Integer.parseInt(args[0]);
    int size = Integer.parseInt(args[1]);
    torch.set_num_threads(1);
    List<Integer> everyone = IntStream.range(0, size).boxed().toList();
    Rendezvous rendezvous = new DirectoryRendezvous(Path.of(args[2]), rank, size, TIMEOUT);
    try (GlooWorld world = GlooWorld.join(rank, size, rendezvous, "127.0.0.1", TIMEOUT)) {
      Communicator all = world.create("all", everyone, TIMEOUT);
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
}
