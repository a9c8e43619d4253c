package org.sparkmoe.moe.dispatch;

import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.sparkmoe.collective.DirectoryRendezvous;
import org.sparkmoe.collective.GlooWorld;
import org.sparkmoe.collective.Rendezvous;
import org.sparkmoe.moe.Dispatch;
import org.sparkmoe.moe.DispatchProvider;
import org.sparkmoe.moe.Modules;
import org.sparkmoe.topology.RankGroups;
import org.sparkmoe.topology.Topology;

/** One of four ranks on two nodes in a process of its own: prints what each dispatch brought it. */
final class DispatchProcess {
  static final Topology TOPOLOGY = new Topology(4, 2, 1, 4, 1);
  static final String RESULT = "RESULT ";
  static final Duration TIMEOUT = Duration.ofSeconds(60);

  private DispatchProcess() {}

  /** Arguments: rank, directory for the rendezvous. */
  public static void main(String[] args) {
    int rank = Integer.parseInt(args[0]);
    int size = TOPOLOGY.world();
    Rendezvous rendezvous = new DirectoryRendezvous(Path.of(args[1]), rank, size, TIMEOUT);
    try (GlooWorld world = GlooWorld.join(rank, size, rendezvous, "127.0.0.1", TIMEOUT)) {
      RankGroups groups = RankGroups.create(TOPOLOGY, rank, world, TIMEOUT);
      results(groups).forEach(result -> System.out.println(RESULT + result));
      System.out.flush();
      groups.world().barrier().await();
    }
  }

  /** A line for each dispatch, even and uneven, some ranks sending nothing to some. */
  static List<String> results(RankGroups groups) {
    torch.set_num_threads(1);
    List<String> results = new ArrayList<>();
    for (String name : List.of("direct", "1dh", "2dh")) {
      Dispatch dispatch = Modules.find(DispatchProvider.class, "moe.dispatch", name).create(groups);
      results.add(name + " even " + even(groups.rank(), dispatch));
      results.add(name + " uneven " + uneven(groups.rank(), dispatch));
    }
    return results;
  }

  private static String even(int rank, Dispatch dispatch) {
    Tensor input = numbers(rank, 3L * TOPOLOGY.world());
    Tensor output = torch.zeros_like(input);
    dispatch.exchange(output, input);
    return values(output);
  }

  private static String uneven(int rank, Dispatch dispatch) {
    int world = TOPOLOGY.world();
    long[] to = IntStream.range(0, world).mapToLong(peer -> rows(rank, peer)).toArray();
    long[] from = IntStream.range(0, world).mapToLong(peer -> rows(peer, rank)).toArray();
    Tensor output = torch.zeros(new long[] {Arrays.stream(from).sum(), 3});
    dispatch.exchange(output, numbers(rank, Arrays.stream(to).sum()), from, to);
    return values(output);
  }

  private static long rows(int source, int destination) {
    return (3L * source + 5L * destination + 1) % 4;
  }

  /** {@code [rows, 3]}, no number twice in the world. */
  private static Tensor numbers(int rank, long rows) {
    float[] values = new float[Math.toIntExact(rows * 3)];
    for (int i = 0; i < values.length; i++) {
      values[i] = 1000 * rank + i;
    }
    return Tensor.create(values, rows, 3);
  }

  private static String values(Tensor tensor) {
    float[] values = new float[Math.toIntExact(tensor.numel())];
    tensor.data_ptr_float().get(values);
    return Arrays.toString(values);
  }
}
