package org.sparkmoe.train;

import java.io.FileNotFoundException;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;

/**
 * The checkpoints of one training run: {@code step-NNNNNNNN} directories, and asides that begin
 * with {@code .} while they are written or taken away. Only rank 0 changes names here.
 */
final class CheckpointDirectory {
  private static final Pattern PUBLISHED = Pattern.compile("step-([0-9]{8,18})");
  private static final String WRITING = ".writing-";
  private static final String OLD = ".old-";

  private final FileSystem files;
  private final Path root;

  CheckpointDirectory(Path root, Configuration hadoop) throws IOException {
    this.root = root;
    this.files = root.getFileSystem(hadoop);
  }

  FileSystem files() {
    return files;
  }

  Path root() {
    return root;
  }

  Path published(long step) {
    return new Path(root, name(step));
  }

  /** Where the checkpoint of {@code step} is put together. */
  Path aside(long step) {
    return new Path(root, WRITING + name(step));
  }

  private static String name(long step) {
    return "step-%08d".formatted(step);
  }

  /** Steps of the published checkpoints, the newest first. */
  List<Long> steps() throws IOException {
    List<Long> steps = new ArrayList<>();
    for (FileStatus status : list()) {
      Matcher matcher = PUBLISHED.matcher(status.getPath().getName());
      if (status.isDirectory() && matcher.matches()) {
        steps.add(Long.parseLong(matcher.group(1)));
      }
    }
    steps.sort(Comparator.reverseOrder());
    return steps;
  }

  private FileStatus[] list() throws IOException {
    try {
      return files.listStatus(root);
    } catch (FileNotFoundException e) {
      return new FileStatus[0];
    }
  }

  /** Removes what a crash may have left half done. */
  void removeAsides() throws IOException {
    for (FileStatus status : list()) {
      String name = status.getPath().getName();
      if (name.startsWith(WRITING) || name.startsWith(OLD)) {
        files.delete(status.getPath(), true);
      }
    }
  }

  /** Makes the aside of {@code step} the published checkpoint of that step. */
  void publish(long step) throws IOException {
    Path target = published(step);
    Path old = new Path(root, OLD + name(step));
    if (files.exists(target)) {
      files.delete(old, true);
      rename(target, old);
    }
    rename(aside(step), target);
    files.delete(old, true);
  }

  private void rename(Path from, Path to) throws IOException {
    if (!files.rename(from, to)) {
      throw new IOException("%s cannot be renamed to %s".formatted(from, to));
    }
  }

  /** Removes those of later steps than {@code step}. */
  void removeAfter(long step) throws IOException {
    for (long later : steps()) {
      if (later > step) {
        files.delete(published(later), true);
      }
    }
  }

  /** Removes all but the newest {@code keep}. */
  void prune(int keep) throws IOException {
    List<Long> steps = steps();
    for (Long step : steps.subList(Math.min(keep, steps.size()), steps.size())) {
      files.delete(published(step), true);
    }
  }
}
