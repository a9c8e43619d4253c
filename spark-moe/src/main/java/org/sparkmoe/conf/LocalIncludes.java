package org.sparkmoe.conf;

import com.typesafe.config.ConfigIncludeContext;
import com.typesafe.config.ConfigIncluder;
import com.typesafe.config.ConfigIncluderClasspath;
import com.typesafe.config.ConfigIncluderFile;
import com.typesafe.config.ConfigIncluderURL;
import com.typesafe.config.ConfigObject;
import java.io.File;
import java.net.URL;
import java.util.List;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Which {@code include} directives are followed: in a file those to other files of this machine, in
 * a text, which may come from anywhere, none. Nothing is ever fetched from a network.
 */
final class LocalIncludes
    implements ConfigIncluder, ConfigIncluderURL, ConfigIncluderFile, ConfigIncluderClasspath {
  private static final Pattern ADDRESS = Pattern.compile("\\p{Alpha}[\\p{Alnum}+.-]+:.*");

  private final boolean files;
  private final @Nullable ConfigIncluder library;

  private LocalIncludes(boolean files, @Nullable ConfigIncluder library) {
    this.files = files;
    this.library = library;
  }

  /** Of a file of the user's. */
  static LocalIncludes ofFile() {
    return new LocalIncludes(true, null);
  }

  /** Of a text. */
  static LocalIncludes ofText() {
    return new LocalIncludes(false, null);
  }

  /** The library gives its own includer here, which knows how to find a file. */
  @Override
  public ConfigIncluder withFallback(ConfigIncluder fallback) {
    return library == null ? new LocalIncludes(files, fallback) : this;
  }

  @Override
  public ConfigObject include(ConfigIncludeContext context, String what) {
    if (!files || library == null || ADDRESS.matcher(what).matches()) {
      throw refusal("\"" + what + "\"");
    }
    return library.include(context, what);
  }

  @Override
  public ConfigObject includeURL(ConfigIncludeContext context, URL what) {
    throw refusal("url(\"" + what + "\")");
  }

  @Override
  public ConfigObject includeFile(ConfigIncludeContext context, File what) {
    if (files && library instanceof ConfigIncluderFile finder) {
      return finder.includeFile(context, what);
    }
    throw refusal("file(\"" + what + "\")");
  }

  @Override
  public ConfigObject includeResources(ConfigIncludeContext context, String what) {
    if (files && library instanceof ConfigIncluderClasspath finder) {
      return finder.includeResources(context, what);
    }
    throw refusal("classpath(\"" + what + "\")");
  }

  private ConfigurationException refusal(String what) {
    return new ConfigurationException(
        List.of(
            "include %s is refused, must be %s"
                .formatted(
                    what,
                    files
                        ? "a file of this machine: nothing is fetched from a network"
                        : "left out: only a file named by --conf may include others")));
  }
}
