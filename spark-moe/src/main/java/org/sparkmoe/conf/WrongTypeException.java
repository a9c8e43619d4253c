package org.sparkmoe.conf;

/** A value that is not of the type that its key wants. */
final class WrongTypeException extends Exception {
  private static final long serialVersionUID = 1L;

  WrongTypeException(String key, Object value, String right) {
    super("%s is \"%s\", must be %s".formatted(key, value, right));
  }
}
