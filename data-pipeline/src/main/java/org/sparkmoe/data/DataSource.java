package org.sparkmoe.data;

import java.io.Serializable;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One of several sources of documents; keys {@code data.sources.NAME.*}. What is not given is as in
 * the section {@code data}.
 *
 * @param paths as {@link DataConfig#paths}
 * @param weight its share of the sequences that training sees, in any unit
 * @param format as {@link DataConfig#format}, but neither {@code prepared} nor {@code dataset}
 * @param textColumn as {@link DataConfig#textColumn}
 * @param promptColumn as {@link DataConfig#promptColumn}
 */
public record DataSource(
    List<String> paths,
    double weight,
    @Nullable String format,
    @Nullable String textColumn,
    @Nullable String promptColumn)
    implements Serializable {

  public DataSource {
    paths = List.copyOf(paths);
  }
}
