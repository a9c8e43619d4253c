package org.sparkmoe.conf;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigObject;
import com.typesafe.config.ConfigUtil;
import com.typesafe.config.ConfigValue;
import com.typesafe.config.ConfigValueType;
import java.lang.reflect.Constructor;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.RecordComponent;
import java.lang.reflect.Type;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * Makes records from a configuration: the component {@code sequenceLength} takes the value of the
 * key {@code sequence-length}.
 *
 * <p>A component is a number, boolean, string, enum (as {@code lower-case-words}), {@link
 * java.time.Duration}, {@link List}, {@code Map<String, String>} (nested keys joined by dots),
 * another record, or a {@code Map} of records by names that the user gives. A component marked
 * {@link Nullable} may be missing. Its compact constructor validates it and throws an {@link
 * IllegalArgumentException} with a line for each problem.
 *
 * <p>All problems are reported together: unknown keys, values of a wrong type, and what the
 * constructors refuse. A value that cannot be had is replaced by its default to let the constructor
 * see the others.
 */
public final class ConfigBinder {
  private final ConfigObject effective;
  private final ConfigObject defaults;
  private final List<String> problems = new ArrayList<>();

  private ConfigBinder(ConfigObject effective, ConfigObject defaults) {
    this.effective = effective;
    this.defaults = defaults;
  }

  /**
   * Binds all of {@code source} to {@code type}.
   *
   * @throws ConfigurationException with every problem found
   */
  public static <R extends Record> R bind(ConfigSource source, Class<R> type) {
    ConfigBinder binder = new ConfigBinder(source.effective().root(), source.defaults().root());
    Object bound = binder.bindRecord("", binder.effective, type);
    if (!binder.problems.isEmpty() || bound == null) {
      throw new ConfigurationException(binder.problems);
    }
    return type.cast(bound);
  }

  private @Nullable Object bindRecord(String path, ConfigObject object, Class<?> type) {
    RecordComponent[] components = type.getRecordComponents();
    refuseUnknownKeys(path, object, components);
    Object[] arguments = new Object[components.length];
    boolean complete = true;
    for (int i = 0; i < components.length; i++) {
      String name = kebab(components[i].getName());
      String key = path.isEmpty() ? name : path + "." + name;
      @Nullable ConfigValue value = object.get(name);
      if (value == null && isOptional(components[i])) {
        continue;
      }
      arguments[i] = bindKey(key, value, components[i].getGenericType());
      complete &= arguments[i] != null;
    }
    return complete ? construct(path, object, type, arguments) : null;
  }

  private static boolean isOptional(RecordComponent component) {
    return component.getAnnotatedType().isAnnotationPresent(Nullable.class);
  }

  /** The value of {@code key}, or of its default if it cannot be had, or null. */
  private @Nullable Object bindKey(String key, @Nullable ConfigValue value, Type type) {
    if (value == null) {
      problems.add(key + " is missing");
      return null;
    }
    try {
      Object converted = convert(key, value, type);
      return converted == null ? defaultOf(key, type) : converted;
    } catch (WrongTypeException e) {
      problems.add(e.getMessage() + at(value));
      return defaultOf(key, type);
    }
  }

  private @Nullable Object defaultOf(String key, Type type) {
    Config all = defaults.toConfig();
    try {
      return all.hasPath(key)
          ? new ConfigBinder(defaults, defaults).convert(key, all.getValue(key), type)
          : null;
    } catch (WrongTypeException e) {
      throw new IllegalStateException("reference.conf: " + e.getMessage(), e);
    }
  }

  private @Nullable Object convert(String key, ConfigValue value, Type type)
      throws WrongTypeException {
    if (type instanceof Class<?> plain && plain.isRecord()) {
      if (value instanceof ConfigObject object) {
        return bindRecord(key, object, plain);
      }
      throw new WrongTypeException(key, value.unwrapped(), "a section { … }");
    }
    if (type instanceof ParameterizedType generic) {
      Type[] arguments = generic.getActualTypeArguments();
      if (generic.getRawType() != Map.class) {
        return list(key, value, arguments[0]);
      }
      return arguments[1] == String.class ? flatten(key, value) : named(key, value, arguments[1]);
    }
    return Scalars.convert(key, value, (Class<?>) type);
  }

  private @Nullable List<Object> list(String key, ConfigValue value, Type elementType)
      throws WrongTypeException {
    List<? extends ConfigValue> elements =
        value instanceof com.typesafe.config.ConfigList list ? list : List.of(value);
    List<Object> result = new ArrayList<>();
    boolean complete = true;
    for (int i = 0; i < elements.size(); i++) {
      String name = elements.size() == 1 ? key : key + "[" + i + "]";
      Object element = convert(name, elements.get(i), elementType);
      complete &= element != null;
      if (element != null) {
        result.add(element);
      }
    }
    return complete ? result : null;
  }

  private @Nullable Map<String, Object> named(String key, ConfigValue value, Type type)
      throws WrongTypeException {
    if (!(value instanceof ConfigObject object)) {
      throw new WrongTypeException(key, value.unwrapped(), "a section { name { … } }");
    }
    Map<String, Object> result = new TreeMap<>();
    for (Map.Entry<String, ConfigValue> entry : object.entrySet()) {
      String path = key + "." + ConfigUtil.joinPath(entry.getKey());
      Object element = bindKey(path, entry.getValue(), type);
      if (element != null) {
        result.put(entry.getKey(), element);
      }
    }
    return result.size() == object.size() ? result : null;
  }

  private static Map<String, String> flatten(String key, ConfigValue value)
      throws WrongTypeException {
    if (!(value instanceof ConfigObject object)) {
      throw new WrongTypeException(key, value.unwrapped(), "a section { … }");
    }
    Map<String, String> result = new TreeMap<>();
    for (Map.Entry<String, ConfigValue> entry : object.toConfig().entrySet()) {
      String name = String.join(".", ConfigUtil.splitPath(entry.getKey()));
      if (entry.getValue().valueType() == ConfigValueType.LIST) {
        throw new WrongTypeException(key + "." + name, entry.getValue().unwrapped(), "a text");
      }
      result.put(name, String.valueOf(entry.getValue().unwrapped()));
    }
    return result;
  }

  private @Nullable Object construct(
      String path, ConfigObject object, Class<?> type, Object[] arguments) {
    try {
      return canonicalConstructor(type).newInstance(arguments);
    } catch (InvocationTargetException e) {
      if (!(e.getCause() instanceof IllegalArgumentException refused)) {
        throw new IllegalStateException(type + " failed on its values", e);
      }
      for (String line : String.valueOf(refused.getMessage()).split("\n")) {
        problems.add(withFullKey(path, object, line));
      }
      return null;
    } catch (ReflectiveOperationException e) {
      throw new IllegalStateException(type + " cannot be made", e);
    }
  }

  private static Constructor<?> canonicalConstructor(Class<?> type)
      throws ReflectiveOperationException {
    Class<?>[] types =
        Arrays.stream(type.getRecordComponents())
            .map(RecordComponent::getType)
            .toArray(Class<?>[]::new);
    Constructor<?> constructor = type.getDeclaredConstructor(types);
    constructor.setAccessible(true);
    return constructor;
  }

  /** A record may write its keys with or without the path at which it is bound. */
  private String withFullKey(String path, ConfigObject object, String line) {
    String word = line.split("[ :]", 2)[0];
    boolean relative = object.containsKey(word) && !path.isEmpty();
    String key = relative ? path + "." + word : word;
    boolean known = key.matches("[a-z0-9.-]+") && effective.toConfig().hasPath(key);
    String origin = known ? at(effective.toConfig().getValue(key)) : "";
    boolean bare = path.isEmpty() || relative || line.startsWith(path + ".");
    return (relative ? path + "." : bare ? "" : path + ": ") + line + origin;
  }

  private void refuseUnknownKeys(String path, ConfigObject object, RecordComponent[] components) {
    List<String> known = Arrays.stream(components).map(c -> kebab(c.getName())).toList();
    object.forEach(
        (name, value) -> {
          if (!known.contains(name)) {
            String prefix = path.isEmpty() ? "" : path + ".";
            String suggestion = Suggestion.forKey(prefix, name, known, defaults.toConfig());
            problems.add("%s%s is not a key%s%s".formatted(prefix, name, suggestion, at(value)));
          }
        });
  }

  private static String at(ConfigValue value) {
    return " (" + value.origin().description() + ")";
  }

  /** {@code sequenceLength} to {@code sequence-length}. */
  static String kebab(String camelCase) {
    return camelCase.replaceAll("([a-z0-9])([A-Z])", "$1-$2").toLowerCase(java.util.Locale.ROOT);
  }
}
