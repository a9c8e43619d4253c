package org.sparkmoe.app;

import java.io.PrintWriter;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import org.bytedeco.pytorch.global.torch;
import org.sparkmoe.profile.KernelTimes;
import org.sparkmoe.profile.KernelTimes.Measured;
import org.sparkmoe.profile.KernelTimes.Shape;
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
      "Times the kernels of a MoE layer, on the GPU in bf16 if there is one, otherwise on the CPU in"
          + " f32: medians by the device's clock, beside the bandwidth of a copy and the rate of a"
          + " matrix product of the same size."
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
    boolean cuda = torch.cuda_is_available();
    List<Measured> measured =
        KernelTimes.measure(new Shape(tokens, width, experts, topK, hidden), cuda);
    PrintWriter out = spec.commandLine().getOut();
    out.printf(
        "%s: S = %d, M = %d, E = %d, k = %d, H = %d%n",
        cuda ? "GPU, bf16" : "CPU, f32", tokens, width, experts, topK, hidden);
    double copy = measured.get(0).gigabytes();
    double product = measured.get(1).teraflops();
    for (Measured each : measured) {
      boolean moves = each.operations() == 0;
      out.printf(
          Locale.ROOT,
          "%-36s %12.1f us  %9.2f %-8s %4.0f %% of the %s%n",
          each.name(),
          each.micros(),
          moves ? each.gigabytes() : each.teraflops(),
          moves ? "GB/s" : "TFLOP/s",
          100 * (moves ? each.gigabytes() / copy : each.teraflops() / product),
          moves ? "copy" : "matrix product");
    }
    out.flush();
    return 0;
  }
}
