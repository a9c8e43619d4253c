package org.sparkmoe.data;

/**
 * The visible character that stands for a byte in GPT-2's vocabulary (Radford et al. 2019): itself
 * where it is one in Latin-1, else the next of those from U+0100.
 */
final class ByteSymbols {
  private static final String SYMBOLS = symbols();

  private ByteSymbols() {}

  /** A character for each of {@code bytes}. */
  static String of(byte[] bytes) {
    StringBuilder text = new StringBuilder(bytes.length);
    for (byte b : bytes) {
      text.append(SYMBOLS.charAt(Byte.toUnsignedInt(b)));
    }
    return text.toString();
  }

  private static String symbols() {
    StringBuilder symbols = new StringBuilder();
    char next = 0x100;
    for (char b = 0; b < 256; b++) {
      symbols.append(isVisible(b) ? b : next++);
    }
    return symbols.toString();
  }

  private static boolean isVisible(char b) {
    return (b >= '!' && b <= '~') || (b >= 0xA1 && b <= 0xAC) || (b >= 0xAE && b <= 0xFF);
  }
}
