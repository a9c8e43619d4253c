package org.sparkmoe.topology;

import java.util.ArrayList;
import java.util.List;

/**
 * Which rank belongs to which group (paper §2.2, Fig. 2).
 *
 * <p>The world is {@code PP} pipeline stages, each a block of consecutive ranks: {@code rank =
 * stage·(world / nPp) + place}. So neighbouring stages meet at few links, and the groups inside a
 * stage, which talk far more, stay on one node where they fit. All groups but those along the
 * pipeline lie inside a stage.
 *
 * <p>Two meshes lie over the places of a stage. The dense mesh is {@code DP × MP}: ranks of one MP
 * group are contiguous. The expert mesh is {@code EDP × EP × ESP}: {@code place = (edp·nEp +
 * ep)·nEsp + esp}, so ranks of one ESP group are contiguous too, and EP groups stride over them.
 * Between the meshes every rank holds tokens of its own (MP-ReduceScatter shares them out), so any
 * two sizes that divide the stage go together. The paper's scenario is {@code nMp = nEsp =
 * ranksPerNode}, {@code nEp = nDp = nodes} and one stage.
 *
 * @param world P, number of ranks
 * @param ranksPerNode G, ranks that share fast links
 * @param nPp N_PP, number of pipeline stages
 * @param nMp N_MP, model-parallel size
 * @param nEp N_EP, expert-parallel size
 * @param nEsp N_ESP, expert-sharding size
 */
public record Topology(int world, int ranksPerNode, int nPp, int nMp, int nEp, int nEsp) {

  public Topology {
    List<String> problems = new ArrayList<>();
    check(problems, "world", world, world >= 1, "at least 1");
    if (world >= 1) {
      String ofWorld = "the world size " + world;
      divides(problems, "ranks-per-node", ranksPerNode, world, ofWorld);
      divides(problems, "pp", nPp, world, ofWorld);
      boolean staged = nPp > 1 && world % nPp == 0;
      int stage = staged ? world / nPp : world;
      String ofStage = staged ? "the %d ranks of a stage (ranks / pp)".formatted(stage) : ofWorld;
      divides(problems, "mp", nMp, stage, ofStage);
      divides(problems, "ep", nEp, stage, ofStage);
      divides(problems, "esp", nEsp, stage, ofStage);
      if (problems.isEmpty() && stage % (nEp * nEsp) != 0) {
        problems.add(
            "ep × esp is %d × %d = %d, must divide %s".formatted(nEp, nEsp, nEp * nEsp, ofStage));
      }
    }
    if (!problems.isEmpty()) {
      throw new IllegalArgumentException(String.join("\n", problems));
    }
  }

  /** One stage: no pipeline parallelism. */
  public Topology(int world, int ranksPerNode, int nMp, int nEp, int nEsp) {
    this(world, ranksPerNode, 1, nMp, nEp, nEsp);
  }

  /** One rank: no parallelism. */
  public static Topology single() {
    return new Topology(1, 1, 1, 1, 1);
  }

  private static void divides(
      List<String> problems, String name, int value, int whole, String ofWhole) {
    check(problems, name, value, value >= 1 && whole % value == 0, "a divisor of " + ofWhole);
  }

  private static void check(
      List<String> problems, String name, int value, boolean valid, String rule) {
    if (!valid) {
      problems.add("%s is %d, must be %s".formatted(name, value, rule));
    }
  }

  /** Ranks of one pipeline stage. */
  public int stageSize() {
    return world / nPp;
  }

  /** N_DP, the number of MP groups of a stage. */
  public int nDp() {
    return stageSize() / nMp;
  }

  /** Number of copies of each expert shard. */
  public int nEdp() {
    return stageSize() / (nEp * nEsp);
  }

  /** Number of nodes. */
  public int nodes() {
    return world / ranksPerNode;
  }

  public int node(int rank) {
    return rank / ranksPerNode;
  }

  /** Pipeline stage of {@code rank}, from 0. */
  public int stage(int rank) {
    return rank / stageSize();
  }

  public int mpIndex(int rank) {
    return place(rank) % nMp;
  }

  public int dpIndex(int rank) {
    return place(rank) / nMp;
  }

  public int espIndex(int rank) {
    return place(rank) % nEsp;
  }

  public int epIndex(int rank) {
    return place(rank) / nEsp % nEp;
  }

  public int edpIndex(int rank) {
    return place(rank) / (nEsp * nEp);
  }

  private int place(int rank) {
    return rank % stageSize();
  }

  private int firstOfStage(int rank) {
    return rank - place(rank);
  }

  /** Ranks of {@code rank}'s pipeline stage, ascending. */
  public List<Integer> stageGroup(int rank) {
    return strided(firstOfStage(rank), 1, stageSize());
  }

  /** Ranks with {@code rank}'s place in every stage, in the order of the stages. */
  public List<Integer> ppGroup(int rank) {
    return strided(place(rank), stageSize(), nPp);
  }

  /** Ranks of {@code rank}'s model-parallel group, ascending. */
  public List<Integer> mpGroup(int rank) {
    return strided(rank - mpIndex(rank), 1, nMp);
  }

  /** Ranks that hold the same dense shard as {@code rank}, ascending. */
  public List<Integer> dpGroup(int rank) {
    return strided(firstOfStage(rank) + mpIndex(rank), nMp, nDp());
  }

  /** Ranks that share the shards of {@code rank}'s experts, ascending. */
  public List<Integer> espGroup(int rank) {
    return strided(rank - espIndex(rank), 1, nEsp);
  }

  /** Ranks that {@code rank} exchanges tokens with, ascending. */
  public List<Integer> epGroup(int rank) {
    int first = firstOfStage(rank) + edpIndex(rank) * nEp * nEsp + espIndex(rank);
    return strided(first, nEsp, nEp);
  }

  /** Ranks that hold the same expert shard as {@code rank}, ascending. */
  public List<Integer> edpGroup(int rank) {
    int first = firstOfStage(rank) + place(rank) % (nEp * nEsp);
    return strided(first, nEp * nEsp, nEdp());
  }

  private static List<Integer> strided(int first, int stride, int count) {
    List<Integer> ranks = new ArrayList<>(count);
    for (int i = 0; i < count; i++) {
      ranks.add(first + i * stride);
    }
    return List.copyOf(ranks);
  }
}
