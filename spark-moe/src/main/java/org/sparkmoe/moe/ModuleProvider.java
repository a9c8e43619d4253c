package org.sparkmoe.moe;

import java.util.Map;

/**
 * What a name in {@code moe.*} stands for. Providers are found through {@link
 * java.util.ServiceLoader}, or by their fully qualified class name, which needs no registration and
 * a public constructor without arguments.
 */
public interface ModuleProvider {

  /** The name in the configuration, for example {@code mixtral}. */
  String name();

  /** Where the formula comes from. */
  String source();

  /** Each option of {@code moe.gate-options} (or the like) with its meaning and default. */
  default Map<String, String> options() {
    return Map.of();
  }
}
