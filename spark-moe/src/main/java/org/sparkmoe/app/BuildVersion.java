package org.sparkmoe.app;

import org.sparkmoe.runtime.Build;
import picocli.CommandLine.IVersionProvider;

/** What {@code --version} prints. */
final class BuildVersion implements IVersionProvider {

  @Override
  public String[] getVersion() {
    Build build = Build.read();
    return new String[] {"spark-moe %s (%s)".formatted(build.version(), build.commit())};
  }
}
