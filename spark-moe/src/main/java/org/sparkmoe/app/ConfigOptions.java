package org.sparkmoe.app;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.sparkmoe.conf.ConfigSource;
import org.sparkmoe.runtime.RunConfig;
import picocli.CommandLine.Option;

/** Where the configuration comes from. */
final class ConfigOptions {
  @Option(
      names = {"--conf", "--config"},
      paramLabel = "FILE",
      description = "HOCON file with the keys that differ from their defaults.")
  private @Nullable Path file;

  @Option(
      names = "--set",
      paramLabel = "KEY=VALUE",
      description =
          "Sets one key, over the file; may be repeated. A value in [], {} or \"\" is read as"
              + " HOCON.")
  private List<String> assignments = new ArrayList<>();

  /** All sources merged, with {@code more} assignments under those of the command line. */
  ConfigSource source(List<String> more) {
    return source(null, more);
  }

  /** The same; the file is {@code other} if {@code --conf} names none. */
  ConfigSource source(@Nullable Path other, List<String> more) {
    List<String> all = new ArrayList<>(more);
    all.addAll(assignments);
    return ConfigSource.load(RunConfig.SECTIONS, file != null ? file : other, all);
  }

  boolean hasFile() {
    return file != null;
  }
}
