package org.sparkmoe.faults;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.pytorch.Tensor;
import org.sparkmoe.moe.Hook;
import org.sparkmoe.moe.HookContext;
import org.sparkmoe.moe.HookPoint;
import org.sparkmoe.moe.HookProvider;
import org.sparkmoe.moe.ModuleContext;

/**
 * A hook of the MoE layer that does what a file says, once: {@code rank-N} in the directory of the
 * system property {@value #DIRECTORY} holds {@code throw}, {@code memory}, {@code hang} or {@code
 * sleep MILLIS}.
 */
public final class FaultHook implements HookProvider {
  static final String DIRECTORY = "faults.directory";

  /** System property: milliseconds that every forward pass takes longer. */
  static final String PACE = "faults.pace";

  @Override
  public String name() {
    return "fault";
  }

  @Override
  public String source() {
    return "tests";
  }

  @Override
  public Hook create(ModuleContext context) {
    Path order = Path.of(System.getProperty(DIRECTORY), "rank-" + context.groups().rank());
    long pace = Long.getLong(PACE, 0);
    return new Hook() {
      @Override
      public Tensor forward(HookPoint point, Tensor value, HookContext at) {
        if (point == HookPoint.BEFORE_MOE_START) {
          hang(pace);
          if (Files.exists(order)) {
            obey(order);
          }
        }
        return value;
      }

      @Override
      public Tensor backward(HookPoint point, Tensor gradient, HookContext at) {
        return gradient;
      }
    };
  }

  private static void obey(Path order) {
    String[] words;
    try {
      words = Files.readString(order).strip().split(" ");
      Files.delete(order);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    switch (words[0]) {
      case "throw" -> throw new IllegalStateException("injected");
      case "memory" -> exhaustMemory();
      case "hang" -> hang(Long.MAX_VALUE);
      case "sleep" -> hang(Long.parseLong(words[1]));
      default -> throw new IllegalArgumentException(words[0]);
    }
  }

  private static void exhaustMemory() {
    List<long[]> all = new ArrayList<>();
    while (true) {
      all.add(new long[1 << 24]);
    }
  }

  /** Deaf to interrupts, as a native loop would be. */
  private static void hang(long millis) {
    long deadline = System.currentTimeMillis() + millis;
    while (millis == Long.MAX_VALUE || System.currentTimeMillis() < deadline) {
      try {
        Thread.sleep(20);
      } catch (InterruptedException e) {
        // Goes on.
      }
    }
  }
}
