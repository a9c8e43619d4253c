package org.sparkmoe.runtime;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import org.bytedeco.cuda.cudart.cudaDeviceProp;
import org.bytedeco.cuda.global.cudart;
import org.bytedeco.cuda.global.nccl;
import org.bytedeco.javacpp.Loader;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch_cuda;
import org.sparkmoe.kernel.DeviceLibrary;
import org.sparkmoe.tensor.LibTorch;
import org.sparkmoe.tensor.NativeLibrary;

/**
 * What Spark MoE finds on this machine. Nothing here throws because something is missing: that is
 * what it is to tell.
 *
 * @param findings in the order in which one part needs the other
 */
public record Installation(List<Finding> findings) {
  private static final int OLDEST_JAVA = 17;
  private static final String DRIVER = "libcuda.so.1";

  /** What libtorch's CUDA libraries are linked to. */
  private static final List<String> CUDA_LIBRARIES =
      List.of(
          "libcudart.so.13",
          "libcublas.so.13",
          "libcublasLt.so.13",
          "libcusparse.so.12",
          "libcusolver.so.12",
          "libcusolverMg.so.12",
          "libcufft.so.12",
          "libcurand.so.10",
          "libcupti.so.13",
          "libcufile.so.0");

  /** What libtorch's CUDA libraries and their bindings are linked to. */
  private static final List<String> CUDNN_LIBRARIES =
      List.of(
          "libcudnn.so.9",
          "libcudnn_graph.so.9",
          "libcudnn_ops.so.9",
          "libcudnn_adv.so.9",
          "libcudnn_cnn.so.9");

  /** For which runs a part is needed. */
  public enum Need {
    /** Every run. */
    ALWAYS,
    /** Runs on GPUs. */
    GPU,
    /** None: it only makes runs faster. */
    SPEED
  }

  /**
   * One part.
   *
   * @param part for example {@code NCCL}
   * @param present whether it can be used
   * @param detail version and place, or what is wrong
   * @param remedy what to do if it is not present, else empty
   */
  public record Finding(String part, Need need, boolean present, String detail, String remedy) {}

  /** Looks at everything; takes a second, because libraries are loaded. */
  public static Installation inspect() {
    List<Finding> findings = new ArrayList<>();
    findings.add(java());
    findings.add(spark());
    findings.add(libtorch());
    findings.add(cppKernels());
    Finding driver = libraries("NVIDIA driver", List.of(DRIVER), "install it");
    findings.add(driver);
    findings.add(libraries("CUDA 13", CUDA_LIBRARIES, missing("CUDA 13")));
    findings.add(libraries("cuDNN 9", CUDNN_LIBRARIES, missing("cuDNN 9 for CUDA 13")));
    findings.add(nccl(driver.present()));
    findings.add(libtorchCuda());
    findings.add(cudaKernels());
    findings.addAll(gpus(driver.present()));
    return new Installation(List.copyOf(findings));
  }

  /** Whether runs on the CPU, or also on GPUs, find all they need. */
  public boolean complete(boolean gpu) {
    return findings.stream()
        .allMatch(f -> f.present() || f.need() == Need.SPEED || (f.need() == Need.GPU && !gpu));
  }

  /**
   * Why runs on the GPUs of this machine alone would fail; empty if they would not.
   *
   * @param ranks that each need a GPU
   */
  List<String> problemsOnGpus(int ranks) {
    List<String> problems = new ArrayList<>();
    findings.stream()
        .filter(finding -> finding.need() != Need.SPEED && !finding.present())
        .map(f -> "%s: %s -> %s".formatted(f.part(), f.detail(), f.remedy()))
        .forEach(problems::add);
    long gpus = findings.stream().filter(f -> f.part().matches("GPU \\d+")).count();
    if (!problems.isEmpty()) {
      problems.add(
          0, "device.kind is cuda, must be cpu while this machine lacks what doctor --gpu tells:");
    } else if (gpus < ranks) {
      problems.add(
          "cluster.ranks is %d, must be at most the %d GPUs of this machine, one for each rank"
              .formatted(ranks, gpus));
    }
    return problems;
  }

  private static Finding java() {
    int version = Runtime.version().feature();
    return new Finding(
        "Java",
        Need.ALWAYS,
        version >= OLDEST_JAVA,
        "%s in %s".formatted(Runtime.version(), System.getProperty("java.home")),
        version >= OLDEST_JAVA ? "" : "set JAVA_HOME to a JDK 17 or later");
  }

  private static Finding spark() {
    try {
      String version = org.apache.spark.package$.MODULE$.SPARK_VERSION();
      return new Finding("Spark", Need.ALWAYS, true, version, "");
    } catch (LinkageError e) {
      return new Finding(
          "Spark",
          Need.ALWAYS,
          false,
          "not on the class path (%s)".formatted(e.getMessage()),
          "start with spark-submit, or with bin/spark-moe, which brings its own");
    }
  }

  private static Finding libtorch() {
    try {
      LibTorch.load();
      return new Finding(
          "libtorch",
          Need.ALWAYS,
          true,
          "%s, %s, %d threads"
              .formatted(
                  Build.read().pytorch(),
                  torch.get_cpu_capability().getString(),
                  torch.get_num_threads()),
          "");
    } catch (LinkageError e) {
      return new Finding(
          "libtorch",
          Need.ALWAYS,
          false,
          reason(e),
          "spark-moe.jar holds it for Linux on x86-64 with glibc 2.28 or later; see the reason");
    }
  }

  private static Finding cppKernels() {
    Optional<String> problem;
    try {
      problem = NativeLibrary.problem();
    } catch (LinkageError e) {
      problem = Optional.of(reason(e));
    }
    return new Finding(
        "C++ kernels",
        Need.SPEED,
        problem.isEmpty(),
        problem.orElse("loaded"),
        problem.isEmpty() ? "" : "build with g++ on the PATH; libtorch does their work meanwhile");
  }

  private static String missing(String what) {
    return "install %s and put it on the loader's path (LD_LIBRARY_PATH)".formatted(what);
  }

  private static Finding libraries(String part, List<String> names, String remedy) {
    List<String> problems = new ArrayList<>();
    for (String name : names) {
      try {
        Loader.loadGlobal(name);
      } catch (UnsatisfiedLinkError e) {
        problems.add(reason(e));
      }
    }
    if (problems.isEmpty()) {
      return new Finding(part, Need.GPU, true, String.join(", ", names), "");
    }
    String more = problems.size() == 1 ? "" : " (and %d more)".formatted(problems.size() - 1);
    return new Finding(part, Need.GPU, false, problems.get(0) + more, remedy);
  }

  private static Finding nccl(boolean driver) {
    Finding found = libraries("NCCL 2", List.of("libnccl.so.2"), missing("NCCL 2 for CUDA 13"));
    if (!found.present() || !driver) {
      return found;
    }
    try {
      int[] version = new int[1];
      nccl.ncclGetVersion(version);
      String text =
          "%d.%d.%d".formatted(version[0] / 10_000, version[0] / 100 % 100, version[0] % 100);
      return new Finding("NCCL 2", Need.GPU, true, text, "");
    } catch (LinkageError e) {
      return new Finding("NCCL 2", Need.GPU, false, reason(e), missing("NCCL 2 for CUDA 13"));
    }
  }

  private static Finding libtorchCuda() {
    String part = "libtorch for CUDA";
    try {
      if (torch.hasCUDA()) {
        // By the bindings, which are linked to more.
        int devices = torch_cuda.device_count();
        return new Finding(part, Need.GPU, true, "loaded, sees %d GPUs".formatted(devices), "");
      }
    } catch (LinkageError e) {
      return new Finding(part, Need.GPU, false, reason(e), "see libtorch");
    }
    if (torch.class.getResource("/org/bytedeco/pytorch/linux-x86_64-gpu/libtorch_cuda.so")
        != null) {
      return new Finding(part, Need.GPU, false, "is there, but cannot be loaded", "see above");
    }
    return new Finding(
        part,
        Need.GPU,
        false,
        "this build has libtorch for the CPU only",
        "build with -Dpytorch.classifier=linux-x86_64-gpu, or take the bundle for GPUs");
  }

  private static Finding cudaKernels() {
    String part = "CUDA kernels";
    try {
      boolean packed = DeviceLibrary.bundled().isPresent();
      return new Finding(
          part,
          Need.SPEED,
          packed,
          packed ? "sm_80, sm_90 and PTX" : "this build had no nvcc",
          packed ? "" : "build with nvcc on the PATH; libtorch does their work meanwhile");
    } catch (LinkageError e) {
      return new Finding(part, Need.SPEED, false, reason(e), "see the reason");
    }
  }

  private static List<Finding> gpus(boolean driver) {
    String visible = Optional.ofNullable(System.getenv("CUDA_VISIBLE_DEVICES")).orElse("not set");
    if (!driver) {
      return List.of(
          new Finding("GPUs", Need.GPU, false, "none without a driver", "see NVIDIA driver"));
    }
    try {
      int[] count = new int[1];
      int code = cudart.cudaGetDeviceCount(count);
      if (code != cudart.cudaSuccess || count[0] == 0) {
        return List.of(
            new Finding(
                "GPUs",
                Need.GPU,
                false,
                "%s, CUDA_VISIBLE_DEVICES is %s"
                    .formatted(cudart.cudaGetErrorString(code).getString(), visible),
                "see what nvidia-smi says"));
      }
      List<Finding> gpus = new ArrayList<>();
      for (int index = 0; index < count[0]; index++) {
        gpus.add(gpu(index));
      }
      return gpus;
    } catch (LinkageError e) {
      return List.of(new Finding("GPUs", Need.GPU, false, reason(e), missing("CUDA 13")));
    }
  }

  private static Finding gpu(int index) {
    try (cudaDeviceProp properties = new cudaDeviceProp()) {
      int code = cudart.cudaGetDeviceProperties(properties, index);
      boolean good = code == cudart.cudaSuccess;
      return new Finding(
          "GPU " + index,
          Need.GPU,
          good,
          good
              ? String.format(
                  Locale.ROOT,
                  "%s, compute capability %d.%d, %.1f GiB",
                  properties.name().getString(),
                  properties.major(),
                  properties.minor(),
                  properties.totalGlobalMem() / (double) (1L << 30))
              : cudart.cudaGetErrorString(code).getString(),
          good ? "" : "see what nvidia-smi says");
    }
  }

  /** The innermost message: outer ones only say that some library of ours cannot be loaded. */
  private static String reason(Throwable failure) {
    Throwable cause = failure;
    while (cause.getCause() != null) {
      cause = cause.getCause();
    }
    return String.valueOf(cause.getMessage());
  }
}
