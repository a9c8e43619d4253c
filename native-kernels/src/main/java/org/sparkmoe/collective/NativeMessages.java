package org.sparkmoe.collective;

/** What C++ exceptions say, without the C++ stack and source file. */
final class NativeMessages {
  private NativeMessages() {}

  static String firstLine(Throwable failure) {
    String message = String.valueOf(failure.getMessage());
    return message.lines().findFirst().orElse("").replaceFirst("^\\[/[^\\]]*] ", "");
  }
}
