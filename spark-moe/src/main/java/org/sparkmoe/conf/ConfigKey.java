package org.sparkmoe.conf;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import com.typesafe.config.ConfigObject;
import com.typesafe.config.ConfigRenderOptions;
import com.typesafe.config.ConfigValue;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.RecordComponent;
import java.lang.reflect.Type;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * A key that a configuration can set, as the record that takes it and {@code reference.conf} have
 * it.
 *
 * @param path such as {@code moe.top-k}
 * @param type what a value must be, for people
 * @param defaultValue as it stands in {@code reference.conf}, substitutions unresolved
 * @param meaning the comment in front of it there, on one line
 */
public record ConfigKey(String path, String type, String defaultValue, String meaning) {

  /**
   * All keys of {@code root}, section by section in the order of its components.
   *
   * @throws IllegalStateException if {@code reference.conf} lacks one of them
   */
  public static List<ConfigKey> all(Class<? extends Record> root) {
    Config reference = ConfigFactory.defaultReferenceUnresolved();
    List<ConfigKey> keys = new ArrayList<>();
    collect("", root, reference.root(), keys);
    return keys;
  }

  private static void collect(
      String prefix, Class<?> type, ConfigObject section, List<ConfigKey> keys) {
    for (RecordComponent component : type.getRecordComponents()) {
      String name = ConfigBinder.kebab(component.getName());
      ConfigValue value = section.get(name);
      if (value == null) {
        throw new IllegalStateException("reference.conf lacks " + prefix + name);
      }
      if (component.getType().isRecord()) {
        collect(prefix + name + ".", component.getType(), (ConfigObject) value, keys);
      } else {
        keys.add(
            new ConfigKey(
                prefix + name, describe(component.getGenericType()), text(value), comment(value)));
      }
    }
  }

  private static String text(ConfigValue value) {
    return value.render(ConfigRenderOptions.concise().setJson(false));
  }

  private static String comment(ConfigValue value) {
    return value.origin().comments().stream()
        .map(String::strip)
        .collect(Collectors.joining(" "))
        .strip();
  }

  private static String describe(Type type) {
    if (type instanceof ParameterizedType generic) {
      if (generic.getRawType() == Map.class) {
        return generic.getActualTypeArguments()[1] == String.class
            ? "section of texts"
            : "section of named sections";
      }
      return "list of " + describe(generic.getActualTypeArguments()[0]) + "s";
    }
    Class<?> plain = (Class<?>) type;
    if (plain.isEnum()) {
      return Arrays.stream(plain.getEnumConstants())
          .map(Scalars::nameOf)
          .collect(Collectors.joining(", "));
    }
    if (plain == int.class || plain == long.class) {
      return "whole number";
    }
    if (plain == double.class) {
      return "number";
    }
    if (plain == boolean.class) {
      return "true or false";
    }
    return plain == Duration.class ? "duration" : "text";
  }
}
