package org.sparkmoe.data;

import java.text.Normalizer;

/**
 * Gives equal text equal bytes: Unicode NFC, line feeds as line ends, no control characters.
 *
 * <p>Control characters go first, because their removal can bring a letter and its accent together.
 */
public final class TextNormalization {
  private static final char BYTE_ORDER_MARK = '\uFEFF';
  private static final char NEXT_LINE = '\u0085';
  private static final char REPLACEMENT = '\uFFFD';

  private TextNormalization() {}

  /** Normalizes {@code text}; doing it twice changes nothing more. */
  public static String normalize(String text) {
    StringBuilder clean = new StringBuilder(text.length());
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (c == '\r') {
        boolean lineFeedFollows = i + 1 < text.length() && text.charAt(i + 1) == '\n';
        if (!lineFeedFollows) {
          clean.append('\n');
        }
      } else if (c == NEXT_LINE) {
        clean.append('\n');
      } else if (Character.isHighSurrogate(c)
          && i + 1 < text.length()
          && Character.isLowSurrogate(text.charAt(i + 1))) {
        clean.append(c).append(text.charAt(++i));
      } else if (Character.isSurrogate(c)) {
        clean.append(REPLACEMENT);
      } else if (isKept(c) && !(c == BYTE_ORDER_MARK && clean.isEmpty())) {
        clean.append(c);
      }
    }
    return Normalizer.normalize(clean, Normalizer.Form.NFC);
  }

  private static boolean isKept(char c) {
    return c == '\n' || c == '\t' || !Character.isISOControl(c);
  }
}
