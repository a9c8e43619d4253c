package org.sparkmoe.train;

import java.io.IOException;

/** A file that is not the safetensors file it should be; the message names the fault. */
public final class SafetensorsException extends IOException {
  private static final long serialVersionUID = 1L;

  SafetensorsException(String message) {
    super(message);
  }

  SafetensorsException(String message, Throwable cause) {
    super(message, cause);
  }
}
