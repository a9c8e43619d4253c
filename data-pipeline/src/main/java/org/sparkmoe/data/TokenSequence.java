package org.sparkmoe.data;

import java.io.Serializable;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * A row of training data on its way to a rank.
 *
 * @param position place in the seeded global order, from 0
 * @param tokens L + 1 tokens; those that are context only are marked as {@link ContextToken} says
 */
public record TokenSequence(long position, int[] tokens) implements Serializable {

  @Override
  public boolean equals(@Nullable Object other) {
    return other instanceof TokenSequence that
        && position == that.position
        && Arrays.equals(tokens, that.tokens);
  }

  @Override
  public int hashCode() {
    return 31 * Long.hashCode(position) + Arrays.hashCode(tokens);
  }

  @Override
  public String toString() {
    return "TokenSequence[position=%d, tokens=%s]".formatted(position, Arrays.toString(tokens));
  }
}
