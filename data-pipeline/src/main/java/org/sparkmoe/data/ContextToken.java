package org.sparkmoe.data;

/**
 * How rows of tokens mark what is context only, such as a prompt: it is read, but predicting it
 * carries no loss. Such a token is stored as its complement, {@code -1 - token}, so that the mask
 * takes no room and goes wherever the tokens go; what has no negative entries has no mask.
 */
public final class ContextToken {
  private ContextToken() {}

  /** The entry of a token that is context only. */
  static int entry(int token) {
    return ~token;
  }

  /** Whether predicting the token of {@code entry} carries a loss. */
  public static boolean isTarget(int entry) {
    return entry >= 0;
  }

  /** The token of {@code entry}, marked or not. */
  public static int token(int entry) {
    return isTarget(entry) ? entry : ~entry;
  }

  /**
   * Predicted tokens of a row that carry a loss.
   *
   * @param row L + 1 entries, of which the first is not predicted
   */
  static int countTargets(int[] row) {
    int targets = 0;
    for (int i = 1; i < row.length; i++) {
      targets += isTarget(row[i]) ? 1 : 0;
    }
    return targets;
  }
}
