package org.sparkmoe.interchange;

import java.util.List;

/** A model that cannot be converted; the message has a line for each reason. */
public final class InterchangeException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /**
   * @param subject what cannot be converted
   */
  InterchangeException(String subject, List<String> problems) {
    super(subject + " cannot be converted:\n" + String.join("\n", problems));
  }
}
