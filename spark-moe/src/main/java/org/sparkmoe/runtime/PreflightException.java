package org.sparkmoe.runtime;

import java.util.List;

/** Spark as it is configured cannot run the job; each problem names the setting to change. */
public final class PreflightException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  PreflightException(List<String> problems) {
    super(String.join("\n", problems));
  }
}
