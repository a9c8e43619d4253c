package org.sparkmoe.tensor;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import org.bytedeco.javacpp.Loader;
import org.bytedeco.pytorch.global.torch;

/**
 * libtorch's libraries, which JavaCPP unpacks from the jar into a cache that the processes of a
 * user share.
 *
 * <p>The first use of libtorch on a machine unpacks some hundred megabytes. When several executors
 * of a node start at once with an empty cache, one maps a library that another is still writing,
 * and dies of SIGBUS. So one process loads at a time.
 */
public final class LibTorch {
  private static final String LOCK = ".spark-moe.lock";

  /**
   * Libtorch for CUDA, where it is on the class path. JavaCPP unpacks a library when it comes to
   * load it, and begins with those for CUDA: in an empty cache they do not find the ones that they
   * need, the process goes on without them, and libtorch says until its end that there is no CUDA.
   */
  private static final List<String> FOR_CUDA =
      List.of("libc10.so", "libc10_cuda.so", "libtorch_cpu.so", "libtorch_cuda.so");

  static {
    loadAlone();
  }

  private LibTorch() {}

  /**
   * Loads the libraries unless this process has them. To be called before a process first uses
   * libtorch where others may do the same at that time.
   *
   * @throws LinkageError if they cannot be loaded
   */
  public static void load() {
    // The class's initialiser does it, once, however many threads call.
  }

  private static void loadAlone() {
    try (FileChannel file = openLock();
        FileLock alone = file.lock()) {
      assert alone.isValid();
      unpackForCuda();
      Loader.load(torch.class);
    } catch (IOException e) {
      // A cache that cannot be written was filled before, and nobody writes to it now.
      Loader.load(torch.class);
    }
  }

  private static void unpackForCuda() throws IOException {
    for (String library : FOR_CUDA) {
      // Does nothing where there is no such resource.
      Loader.cacheResources(torch.class, "/org/bytedeco/pytorch/linux-x86_64-gpu/" + library);
    }
  }

  private static FileChannel openLock() throws IOException {
    Path file = Loader.getCacheDir().toPath().resolve(LOCK);
    return FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
  }
}
