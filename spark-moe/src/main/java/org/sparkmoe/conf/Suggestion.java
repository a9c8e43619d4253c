package org.sparkmoe.conf;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigUtil;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import org.apache.commons.text.similarity.LevenshteinDistance;

/** What the user may have meant by a key that is none. */
final class Suggestion {
  private Suggestion() {}

  /**
   * Text to append to a problem, or nothing if no key is like it.
   *
   * @param prefix path of the section, empty or with a dot at the end
   * @param siblings keys that are right in the section
   * @param defaults all keys, in case the key is right in another section
   */
  static String forKey(String prefix, String key, List<String> siblings, Config defaults) {
    List<String> candidates = new ArrayList<>(siblings.stream().map(s -> prefix + s).toList());
    defaults.entrySet().stream()
        .map(entry -> String.join(".", ConfigUtil.splitPath(entry.getKey())))
        .filter(path -> path.endsWith("." + key))
        .forEach(candidates::add);
    int tolerance = Math.max(2, key.length() / 3);
    return candidates.stream()
        .filter(candidate -> distance(key, candidate) <= tolerance)
        .min(Comparator.comparingInt(candidate -> distance(key, candidate)))
        .map(candidate -> ", did you mean %s?".formatted(candidate))
        .orElseGet(() -> siblings.isEmpty() ? "" : ", must be one of " + siblings);
  }

  private static int distance(String key, String candidate) {
    String name = candidate.substring(candidate.lastIndexOf('.') + 1);
    return LevenshteinDistance.getDefaultInstance().apply(key, name);
  }
}
