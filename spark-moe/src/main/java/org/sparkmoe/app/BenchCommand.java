package org.sparkmoe.app;

import java.io.PrintWriter;
import java.util.Locale;
import java.util.concurrent.Callable;
import org.bytedeco.pytorch.global.torch;
import org.sparkmoe.profile.KernelTimes;
import org.sparkmoe.profile.KernelTimes.Measured;
import org.sparkmoe.profile.KernelTimes.Shape;
import org.sparkmoe.profile.KernelTimes.Table;
import org.sparkmoe.tensor.LibTorch;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Kernels of a MoE layer on this machine, against what it can do at best. */
@Command(
    name = "bench",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description = {
      "Times a MoE layer and its kernels, on the GPU in bf16 if there is one, otherwise on the CPU in"
          + " f32: medians by the device's clock, in microseconds, beside two bounds: the time in"
          + " which a copy moves as many bytes, and that in which a matrix product does as many"
          + " operations. The larger one over the time, in the last column, is the model FLOPs"
          + " utilisation of the layer."
    })
final class BenchCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;

  @Option(names = "--tokens", description = "S, default ${DEFAULT-VALUE}.")
  private int tokens = 4096;

  @Option(names = "--width", description = "M, default ${DEFAULT-VALUE}.")
  private int width = 2048;

  @Option(names = "--experts", description = "E, default ${DEFAULT-VALUE}.")
  private int experts = 8;

  @Option(names = "--top-k", description = "k, default ${DEFAULT-VALUE}.")
  private int topK = 2;

  @Option(names = "--hidden", description = "H, default ${DEFAULT-VALUE}.")
  private int hidden = 4096;

  @Override
  public Integer call() {
    if (tokens < 1 || width < 1 || hidden < 1 || topK < 1 || experts < topK || topK > 16) {
      throw new ParameterException(
          spec.commandLine(),
          "sizes must be positive, --top-k from 1 to the smaller of --experts and 16");
    }
    LibTorch.load();
    boolean cuda = torch.cuda_is_available();
    Table table = KernelTimes.measure(new Shape(tokens, width, experts, topK, hidden), cuda);
    PrintWriter out = spec.commandLine().getOut();
    out.printf(
        Locale.ROOT,
        "%s: S = %d, M = %d, E = %d, k = %d, H = %d; copy %.1f GB/s, matrix product %.2f"
            + " TFLOP/s%n%36s %12s %12s %12s %7s%n",
        cuda ? "GPU, bf16" : "CPU, f32",
        tokens,
        width,
        experts,
        topK,
        hidden,
        table.measured().get(0).gigabytes(),
        table.measured().get(1).teraflops(),
        "",
        "us",
        "bytes: us",
        "products: us",
        "bound");
    for (Measured each : table.measured()) {
      out.printf(
          Locale.ROOT,
          "%-36s %12.1f %12.1f %12.1f %5.0f %%%n",
          each.name(),
          each.micros(),
          table.copyBound(each),
          table.productBound(each),
          100 * table.share(each));
    }
    out.flush();
    return 0;
  }
}
