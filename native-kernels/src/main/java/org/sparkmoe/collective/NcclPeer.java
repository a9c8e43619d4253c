package org.sparkmoe.collective;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.bytedeco.cuda.global.cudart;
import org.bytedeco.cuda.global.nccl;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.Loader;

/**
 * What a rank says of itself before ranks are connected.
 *
 * @param problem why it cannot take part, empty if it can
 * @param ncclVersion of the library on its host, for example 22903 for 2.29.3
 * @param gpu its GPU's host and PCI address
 */
record NcclPeer(String problem, int ncclVersion, String gpu) {
  /** Before 2.18, communicators that do not block may hang in the group calls of an AlltoAll. */
  private static final int OLDEST = 21800;

  private static final String SEPARATOR = "\t";

  /** This process; never throws. */
  static NcclPeer here(int gpuIndex) {
    for (String library : List.of("libcuda.so.1", "libcudart.so.13", "libnccl.so.2")) {
      try {
        Loader.loadGlobal(library);
      } catch (UnsatisfiedLinkError e) {
        return unfit(
            ("%s (put it on the loader's path, LD_LIBRARY_PATH; the driver brings libcuda, CUDA 13"
                    + " libcudart, NCCL 2 libnccl)")
                .formatted(e.getMessage()));
      }
    }
    int[] version = new int[1];
    int code = nccl.ncclGetVersion(version);
    if (code != nccl.ncclSuccess) {
      return unfit("ncclGetVersion returned %d".formatted(code));
    }
    try (BytePointer address = new BytePointer(64)) {
      code = cudart.cudaDeviceGetPCIBusId(address, 64, gpuIndex);
      if (code != cudart.cudaSuccess) {
        return unfit(
            "GPU %d cannot be used: %s"
                .formatted(gpuIndex, cudart.cudaGetErrorString(code).getString()));
      }
      return new NcclPeer("", version[0], hostName() + " " + address.getString());
    }
  }

  private static NcclPeer unfit(String problem) {
    return new NcclPeer(problem.replace('\t', ' '), 0, "");
  }

  private static String hostName() {
    try {
      return InetAddress.getLocalHost().getHostName();
    } catch (UnknownHostException e) {
      return String.valueOf(e.getMessage());
    }
  }

  String text() {
    return String.join(SEPARATOR, problem, Integer.toString(ncclVersion), gpu);
  }

  private static NcclPeer parse(String text) {
    String[] fields = text.split(SEPARATOR, -1);
    return new NcclPeer(fields[0], Integer.parseInt(fields[1]), fields[2]);
  }

  /**
   * Refuses a world that cannot be connected, with all that is wrong.
   *
   * @param rank of the caller
   * @param size of the world
   * @param texts of all ranks, in rank order
   */
  static void check(int rank, int size, List<String> texts) {
    if (rank < 0 || rank >= size || texts.size() != size) {
      throw new IllegalArgumentException(
          "rank %d of %d, but the rendezvous has %d ranks".formatted(rank, size, texts.size()));
    }
    List<String> problems = new ArrayList<>();
    Map<String, Integer> ownerOfGpu = new HashMap<>();
    int version = parse(texts.get(0)).ncclVersion();
    for (int peer = 0; peer < size; peer++) {
      NcclPeer that = parse(texts.get(peer));
      if (!that.problem().isEmpty()) {
        problems.add("rank %d: %s".formatted(peer, that.problem()));
        continue;
      }
      if (that.ncclVersion() < OLDEST) {
        problems.add(
            "rank %d has NCCL %s, wanted is %s or later"
                .formatted(peer, dotted(that.ncclVersion()), dotted(OLDEST)));
      }
      if (that.ncclVersion() != version && version != 0) {
        problems.add(
            "rank %d has NCCL %s, but rank 0 has %s: install the same everywhere"
                .formatted(peer, dotted(that.ncclVersion()), dotted(version)));
      }
      Integer owner = ownerOfGpu.putIfAbsent(that.gpu(), peer);
      if (owner != null) {
        problems.add(
            ("rank %d and rank %d both have GPU %s, NCCL wants one for each rank: set"
                    + " spark.task.resource.gpu.amount to 1")
                .formatted(owner, peer, that.gpu()));
      }
    }
    if (!problems.isEmpty()) {
      throw new CollectiveException(
          "NCCL cannot connect the ranks: " + String.join("; ", problems));
    }
  }

  private static String dotted(int version) {
    return "%d.%d.%d".formatted(version / 10_000, version / 100 % 100, version % 100);
  }
}
