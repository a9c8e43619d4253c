package org.sparkmoe.topology;

import java.util.ArrayList;
import java.util.List;

/**
 * Which rank belongs to which group (paper §2.2, Fig. 2).
 *
 * <p>Two meshes lie over the same {@code world} ranks. The dense mesh is {@code DP × MP}: ranks of
 * one MP group are contiguous. The expert mesh is {@code EDP × EP × ESP}: {@code rank = (edp·nEp +
 * ep)·nEsp + esp}, so ranks of one ESP group are contiguous too, and EP groups stride over them.
 * Between the meshes every rank holds tokens of its own (MP-ReduceScatter shares them out), so any
 * two sizes that divide the world go together. The paper's scenario is {@code nMp = nEsp =
 * ranksPerNode} and {@code nEp = nDp = nodes}.
 *
 * @param world P, number of ranks
 * @param ranksPerNode G, ranks that share fast links
 * @param nMp N_MP, model-parallel size
 * @param nEp N_EP, expert-parallel size
 * @param nEsp N_ESP, expert-sharding size
 */
public record Topology(int world, int ranksPerNode, int nMp, int nEp, int nEsp) {

  public Topology {
    List<String> problems = new ArrayList<>();
    check(problems, "world", world, world >= 1, "at least 1");
    if (world >= 1) {
      divides(problems, "ranks-per-node", ranksPerNode, world);
      divides(problems, "mp", nMp, world);
      divides(problems, "ep", nEp, world);
      divides(problems, "esp", nEsp, world);
      if (problems.isEmpty() && world % (nEp * nEsp) != 0) {
        problems.add(
            "ep × esp is %d × %d = %d, must divide the world size %d"
                .formatted(nEp, nEsp, nEp * nEsp, world));
      }
    }
    if (!problems.isEmpty()) {
      throw new IllegalArgumentException(String.join("\n", problems));
    }
  }

  /** One rank: no parallelism. */
  public static Topology single() {
    return new Topology(1, 1, 1, 1, 1);
  }

  private static void divides(List<String> problems, String name, int value, int world) {
    check(
        problems,
        name,
        value,
        value >= 1 && world % value == 0,
        "a divisor of the world size " + world);
  }

  private static void check(
      List<String> problems, String name, int value, boolean valid, String rule) {
    if (!valid) {
      problems.add("%s is %d, must be %s".formatted(name, value, rule));
    }
  }

  /** N_DP, the number of MP groups. */
  public int nDp() {
    return world / nMp;
  }

  /** Number of copies of each expert shard. */
  public int nEdp() {
    return world / (nEp * nEsp);
  }

  /** Number of nodes. */
  public int nodes() {
    return world / ranksPerNode;
  }

  public int node(int rank) {
    return rank / ranksPerNode;
  }

  public int mpIndex(int rank) {
    return rank % nMp;
  }

  public int dpIndex(int rank) {
    return rank / nMp;
  }

  public int espIndex(int rank) {
    return rank % nEsp;
  }

  public int epIndex(int rank) {
    return rank / nEsp % nEp;
  }

  public int edpIndex(int rank) {
    return rank / (nEsp * nEp);
  }

  /** Ranks of {@code rank}'s model-parallel group, ascending. */
  public List<Integer> mpGroup(int rank) {
    return strided(dpIndex(rank) * nMp, 1, nMp);
  }

  /** Ranks that hold the same dense shard as {@code rank}, ascending. */
  public List<Integer> dpGroup(int rank) {
    return strided(mpIndex(rank), nMp, nDp());
  }

  /** Ranks that share the shards of {@code rank}'s experts, ascending. */
  public List<Integer> espGroup(int rank) {
    return strided(rank - espIndex(rank), 1, nEsp);
  }

  /** Ranks that {@code rank} exchanges tokens with, ascending. */
  public List<Integer> epGroup(int rank) {
    return strided(edpIndex(rank) * nEp * nEsp + espIndex(rank), nEsp, nEp);
  }

  /** Ranks that hold the same expert shard as {@code rank}, ascending. */
  public List<Integer> edpGroup(int rank) {
    return strided(rank % (nEp * nEsp), nEp * nEsp, nEdp());
  }

  private static List<Integer> strided(int first, int stride, int count) {
    List<Integer> ranks = new ArrayList<>(count);
    for (int i = 0; i < count; i++) {
      ranks.add(first + i * stride);
    }
    return List.copyOf(ranks);
  }
}
