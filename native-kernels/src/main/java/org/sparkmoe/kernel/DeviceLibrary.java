package org.sparkmoe.kernel;

import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.Optional;
import org.bytedeco.javacpp.Loader;

/**
 * The library of device kernels, {@code src/main/cuda}. The build packs it into the jar where nvcc
 * is; tests open the same kernels compiled for the CPU.
 *
 * <p>Arguments of the native methods are raw addresses and sizes, in the order of {@code
 * device_kernels.h}; they return a CUDA error code, which {@link #check} turns into an exception.
 */
public final class DeviceLibrary {
  private static final String RESOURCE = "linux-x86_64/libsparkmoe_cuda.so";

  private final long table;

  private DeviceLibrary(long table) {
    this.table = table;
  }

  /**
   * The library that was packed by the build, empty if the build had no nvcc.
   *
   * @throws UnsatisfiedLinkError if this machine's loader refuses it
   */
  public static Optional<DeviceLibrary> bundled() {
    if (DeviceLibrary.class.getResource(RESOURCE) == null) {
      return Optional.empty();
    }
    try {
      File file = Loader.cacheResource(DeviceLibrary.class, RESOURCE);
      return Optional.of(open(file.toPath()));
    } catch (IOException e) {
      throw new UncheckedIOException("cannot unpack %s".formatted(RESOURCE), e);
    }
  }

  /**
   * Opens a library file.
   *
   * @throws UnsatisfiedLinkError if it cannot be loaded or is no library of device kernels
   */
  static DeviceLibrary open(Path library) {
    String path = library.toAbsolutePath().toString();
    System.load(path);
    long table = table(path);
    if (table == 0) {
      throw new UnsatisfiedLinkError("%s has no table of device kernels".formatted(path));
    }
    return new DeviceLibrary(table);
  }

  /** {@code cuda} or {@code emulation}. */
  public String flavour() {
    return flavour(table);
  }

  /** How many devices the kernels can run on. */
  public int devices() {
    return Math.max(0, deviceCount(table));
  }

  /** Why there is no device, in CUDA's words; empty if there is one. */
  public Optional<String> deviceProblem() {
    int count = deviceCount(table);
    if (count > 0) {
      return Optional.empty();
    }
    return Optional.of(count == 0 ? "no device is visible" : errorText(table, -count));
  }

  /** The address of the table, first argument of every kernel. */
  long table() {
    return table;
  }

  /**
   * Refuses an error code.
   *
   * @throws IllegalStateException naming the kernel and CUDA's words for the code
   */
  void check(String kernel, int code) {
    if (code != 0) {
      throw new IllegalStateException(
          "device kernel %s failed with CUDA error %d: %s"
              .formatted(kernel, code, errorText(table, code)));
    }
  }

  private static native long table(String path);

  private static native String flavour(long table);

  private static native String errorText(long table, int code);

  private static native int deviceCount(long table);

  static native int gateChoose(
      long table,
      long stream,
      long logits,
      long bias,
      long tokens,
      int experts,
      int choices,
      int score,
      long scores,
      long chosen);

  static native int gateGradient(
      long table,
      long stream,
      long scores,
      long gradient,
      long tokens,
      int experts,
      int score,
      long logitsGradient);

  static native long positionScratch(
      long table, long tokens, int experts, int choices, long groupTokens, boolean choiceMajor);

  static native int positions(
      long table,
      long stream,
      long chosen,
      long tokens,
      int choices,
      int experts,
      boolean choiceMajor,
      long tileCounts,
      long positions,
      long lengths,
      long fault);

  static native int packedRows(
      long table,
      long stream,
      long chosen,
      long tokens,
      int choices,
      int experts,
      boolean choiceMajor,
      long tileCounts,
      long starts,
      long rows,
      long counts,
      long fault);

  static native int capacitySlots(
      long table,
      long stream,
      long chosen,
      long tokens,
      int choices,
      int experts,
      long groupTokens,
      long limit,
      long capacity,
      boolean choiceMajor,
      long tileCounts,
      long slots,
      long fault);

  static native int slotsOfPlaces(
      long table,
      long stream,
      long chosen,
      long positions,
      long assignments,
      int choices,
      int experts,
      long groupTokens,
      long limit,
      long capacity,
      long slots,
      long fault);

  static native int slotCounts(
      long table,
      long stream,
      long slots,
      long n,
      int experts,
      long capacity,
      long counts,
      long fault);

  static native int slotMap(
      long table,
      long stream,
      long slotsOfTokens,
      long assignments,
      long slots,
      long map,
      long fault);

  static native int order(
      long table,
      long stream,
      int type,
      long tokens,
      long map,
      long weights,
      long slots,
      long width,
      int choices,
      long buffer);

  static native int inverseOrder(
      long table,
      long stream,
      int type,
      long buffer,
      long slotsOfTokens,
      long weights,
      long tokens,
      int choices,
      long width,
      long slots,
      long output,
      long fault);

  static native int weightGradient(
      long table,
      long stream,
      int type,
      long gradient,
      long buffer,
      long slotsOfTokens,
      long tokens,
      int choices,
      long width,
      long slots,
      long dots,
      long fault);

  static native int transposeBlocks(
      long table, long stream, long input, long outer, long inner, long blockBytes, long output);

  static native int clearAfter(
      long table, long stream, long ends, int groups, long rows, long rowBytes, long values);

  static native int swiGlu(
      long table,
      long stream,
      int type,
      long gate,
      long up,
      long active,
      long batch,
      long n,
      long gateStride,
      long upStride,
      long activeStride);

  static native int swiGluGradient(
      long table,
      long stream,
      int type,
      long activeGradient,
      long gate,
      long up,
      long batch,
      long n,
      long gradientStride,
      long gateStride,
      long upStride);

  static native int adamW(
      long table,
      long stream,
      int type,
      long n,
      double gradient,
      double decay,
      double beta1,
      double beta2,
      double epsilon,
      double step,
      long values,
      long gradients,
      long firstMoments,
      long secondMoments,
      long copy);
}
