package org.sparkmoe.conf;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigException;
import com.typesafe.config.ConfigList;
import com.typesafe.config.ConfigObject;
import com.typesafe.config.ConfigRenderOptions;
import com.typesafe.config.ConfigUtil;
import com.typesafe.config.ConfigValue;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * How long values become when their substitutions are resolved, known before that is done: a few
 * lines such as {@code b = ${a}${a}}, each of which doubles the one before, would fill any memory.
 *
 * <p>Counts characters as written, and doubles for every reference of a value to what it replaces
 * ({@code a = ${a}x}), which is never too little.
 */
final class SubstitutionBound {
  /** Most characters of a configuration. */
  static final long MOST = 1 << 24;

  private static final Pattern REFERENCE =
      Pattern.compile("\\$\\{\\??((?:\"(?:[^\"\\\\]|\\\\.)*+\"|[^}\"])*+)}");
  private static final ConfigRenderOptions AS_WRITTEN = ConfigRenderOptions.concise();
  private static final long UNDER_WAY = -1;

  private final ConfigObject root;
  private final Map<ConfigValue, Long> known = new IdentityHashMap<>();
  private long all;
  private long longest;
  private String longestKey = "";

  private SubstitutionBound(ConfigObject root) {
    this.root = root;
  }

  /**
   * Checks what is about to be resolved.
   *
   * @param keys top-level keys to look at
   * @throws ConfigurationException if it would become longer than {@link #MOST}; names the key with
   *     the longest value
   */
  static void check(Config unresolved, Set<String> keys) {
    SubstitutionBound bound = new SubstitutionBound(unresolved.root());
    for (String key : keys) {
      bound.look(ConfigUtil.quoteString(key), Optional.ofNullable(bound.root.get(key)));
    }
    if (bound.all > MOST) {
      throw new ConfigurationException(
          List.of(
              ("%s: the configuration would have more than %,d characters once its substitutions"
                      + " are resolved, most of them here; write the value out")
                  .formatted(bound.longestKey, MOST)));
    }
  }

  /** Descends to the values, so that a message has their keys and not those of sections. */
  private void look(String path, Optional<ConfigValue> value) {
    if (value.isEmpty()) {
      return;
    }
    Optional<Set<String>> keys = keys(value.get());
    for (String key : keys.orElse(Set.of())) {
      ConfigObject section = (ConfigObject) value.get();
      look(path + "." + ConfigUtil.quoteString(key), Optional.ofNullable(section.get(key)));
    }
    if (keys.isEmpty()) {
      long length = length(value.get());
      all = sum(all, length);
      if (length > longest) {
        longest = length;
        longestKey = path.replace("\"", "");
      }
    }
  }

  /** Empty for what is no object, or one that a substitution has a part in. */
  private static Optional<Set<String>> keys(ConfigValue value) {
    try {
      return value instanceof ConfigObject object
          ? Optional.of(Set.copyOf(object.keySet()))
          : Optional.empty();
    } catch (ConfigException.NotResolved e) {
      return Optional.empty();
    }
  }

  private long length(ConfigValue value) {
    Long before = known.putIfAbsent(value, UNDER_WAY);
    if (before != null) {
      return before;
    }
    long length = 0;
    Optional<Set<String>> keys = keys(value);
    if (keys.isPresent()) {
      for (String key : keys.get()) {
        length = sum(length, key.length() + length(((ConfigObject) value).get(key)));
      }
    } else if (value instanceof ConfigList list) {
      for (ConfigValue element : list) {
        length = sum(length, 1 + length(element));
      }
    } else {
      length = lengthOfText(value.render(AS_WRITTEN));
    }
    known.put(value, length);
    return length;
  }

  private long lengthOfText(String text) {
    long length = text.length();
    int ofItself = 0;
    Matcher references = REFERENCE.matcher(text);
    while (references.find()) {
      long referred = lengthOf(references.group(1));
      ofItself += referred == UNDER_WAY ? 1 : 0;
      length = sum(length, Math.max(0, referred));
    }
    for (int i = 0; i < ofItself; i++) {
      length = sum(length, length);
    }
    return length;
  }

  /** Of the value at {@code path}, or of the one that it will be a part of. */
  private long lengthOf(String path) {
    ConfigValue value = root;
    for (String key : ConfigUtil.splitPath(path)) {
      if (keys(value).isEmpty()) {
        break;
      }
      value = ((ConfigObject) value).get(key);
      if (value == null) {
        String environment = System.getenv(path);
        return environment == null ? 0 : environment.length();
      }
    }
    return length(value);
  }

  /** Saturating just above {@link #MOST}. */
  private static long sum(long one, long other) {
    return Math.min(MOST + 1, one + other);
  }
}
