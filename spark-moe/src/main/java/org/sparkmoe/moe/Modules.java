package org.sparkmoe.moe;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.ServiceLoader;
import java.util.TreeSet;
import java.util.stream.Collectors;

/** Finds the modules that the configuration names. */
public final class Modules {
  private Modules() {}

  /** Every registered provider of one kind, by name. */
  public static <P extends ModuleProvider> List<P> all(Class<P> kind) {
    List<P> providers = new ArrayList<>();
    ServiceLoader.load(kind, loader()).forEach(providers::add);
    providers.sort(Comparator.comparing(ModuleProvider::name));
    return providers;
  }

  /**
   * The provider that {@code name} stands for.
   *
   * @param key the setting, for the message
   * @param name a registered name, or a fully qualified class name
   * @throws IllegalArgumentException if there is none
   */
  public static <P extends ModuleProvider> P find(Class<P> kind, String key, String name) {
    List<P> providers = all(kind);
    for (P provider : providers) {
      if (provider.name().equals(name)) {
        return provider;
      }
    }
    if (name.contains(".")) {
      return byClassName(kind, key, name);
    }
    throw new IllegalArgumentException(
        "%s is '%s', must be one of %s, or the full name of a class that implements %s"
            .formatted(
                key,
                name,
                providers.stream().map(ModuleProvider::name).collect(Collectors.joining(", ")),
                kind.getName()));
  }

  /**
   * Refuses options that the provider does not document.
   *
   * @throws IllegalArgumentException with all of them, one a line
   */
  static void checkOptions(String key, ModuleProvider provider, Map<String, String> options) {
    List<String> problems = new ArrayList<>();
    for (String option : new TreeSet<>(options.keySet())) {
      if (!provider.options().containsKey(option)) {
        problems.add(
            "%s.%s is unknown to %s, which takes %s"
                .formatted(
                    key, option, provider.name(), new TreeSet<>(provider.options().keySet())));
      }
    }
    if (!problems.isEmpty()) {
      throw new IllegalArgumentException(String.join("\n", problems));
    }
  }

  // A user's class from --jars is named in the configuration: only reflection can make it.
  private static <P> P byClassName(Class<P> kind, String key, String name) {
    try {
      return Class.forName(name, true, loader())
          .asSubclass(kind)
          .getDeclaredConstructor()
          .newInstance();
    } catch (ReflectiveOperationException | ClassCastException e) {
      throw new IllegalArgumentException(
          "%s is '%s', must be a public class on the class path that implements %s and has a public constructor without arguments: %s"
              .formatted(key, name, kind.getName(), e),
          e);
    }
  }

  private static ClassLoader loader() {
    ClassLoader ofThread = Thread.currentThread().getContextClassLoader();
    return ofThread != null ? ofThread : Modules.class.getClassLoader();
  }
}
