package org.sparkmoe.app;

/** A command that cannot be carried out as given; says what would be right. */
final class RefusedException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  RefusedException(String message) {
    super(message);
  }
}
