package org.sparkmoe.app;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.jar.JarEntry;
import java.util.jar.JarOutputStream;

/** A jar as a user builds it: their own classes and services, nothing of ours. */
final class UserJar implements AutoCloseable {
  private final JarOutputStream out;

  UserJar(Path file) throws IOException {
    out = new JarOutputStream(Files.newOutputStream(file));
  }

  /** Adds a class that tests have, with the classes inside it. */
  UserJar add(Class<?> type) throws IOException {
    String entry = type.getName().replace('.', '/') + ".class";
    try (InputStream in = type.getResourceAsStream("/" + entry)) {
      out.putNextEntry(new JarEntry(entry));
      in.transferTo(out);
    }
    for (Class<?> inner : type.getDeclaredClasses()) {
      add(inner);
    }
    return this;
  }

  /** Registers {@code provider} as a service. */
  UserJar serve(Class<?> service, Class<?> provider) throws IOException {
    out.putNextEntry(new JarEntry("META-INF/services/" + service.getName()));
    out.write(provider.getName().getBytes(StandardCharsets.UTF_8));
    return this;
  }

  @Override
  public void close() throws IOException {
    out.close();
  }
}
