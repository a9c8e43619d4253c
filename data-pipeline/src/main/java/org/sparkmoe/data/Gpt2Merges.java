package org.sparkmoe.data;

import com.knuddels.jtokkit.Encodings;
import com.knuddels.jtokkit.api.Encoding;
import com.knuddels.jtokkit.api.EncodingType;
import com.knuddels.jtokkit.api.IntArrayList;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * GPT-2's vocabulary and merges out of jtokkit, which knows tokens by rank alone. A token's rank is
 * the order of its merge, so its pair is what the merges before it make of its bytes.
 */
final class Gpt2Merges {
  private static final int TOKENS = 50256;
  private static final int BYTES = 256;

  private Gpt2Merges() {}

  /** Tokens by id, without end-of-text. */
  static List<String> vocabulary() {
    Encoding encoding = Encodings.newLazyEncodingRegistry().getEncoding(EncodingType.R50K_BASE);
    List<String> tokens = new ArrayList<>(TOKENS);
    for (int id = 0; id < TOKENS; id++) {
      IntArrayList one = new IntArrayList(1);
      one.add(id);
      tokens.add(ByteSymbols.of(encoding.decodeBytes(one)));
    }
    return tokens;
  }

  /** Pairs in the order in which they are merged, joined by a space. */
  static List<String> merges(List<String> vocabulary) {
    Map<String, Integer> ranks = new HashMap<>();
    for (int id = 0; id < vocabulary.size(); id++) {
      ranks.put(vocabulary.get(id), id);
    }
    return vocabulary.subList(BYTES, vocabulary.size()).stream()
        .map(token -> pair(token, ranks))
        .toList();
  }

  private static String pair(String token, Map<String, Integer> ranks) {
    int rank = ranks.get(token);
    List<String> parts = new ArrayList<>(Arrays.asList(token.split("")));
    while (parts.size() > 2) {
      int best = -1;
      int bestRank = rank;
      for (int i = 0; i + 1 < parts.size(); i++) {
        int joined = ranks.getOrDefault(parts.get(i) + parts.get(i + 1), Integer.MAX_VALUE);
        if (joined < bestRank) {
          best = i;
          bestRank = joined;
        }
      }
      if (best < 0) {
        throw new IllegalStateException("token %d is no merge of two tokens".formatted(rank));
      }
      parts.set(best, parts.get(best) + parts.remove(best + 1));
    }
    return String.join(" ", parts);
  }
}
