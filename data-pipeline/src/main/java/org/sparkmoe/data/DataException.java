package org.sparkmoe.data;

/** The data named by the configuration cannot be used; thrown on the driver before training. */
public final class DataException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /** States what was found and what is right. */
  public DataException(String message) {
    super(message);
  }

  /** States what was found and what is right, and what caused it. */
  public DataException(String message, Throwable cause) {
    super(message, cause);
  }
}
