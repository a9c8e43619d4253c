package org.sparkmoe.profile;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigException;
import com.typesafe.config.ConfigFactory;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Optional;
import org.bytedeco.pytorch.Device;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.sparkmoe.collective.Communicator;
import org.sparkmoe.tensor.DeviceMemory;
import org.sparkmoe.tensor.HostReads;
import org.sparkmoe.tensor.TensorScope;
import org.sparkmoe.topology.RankGroups;

/**
 * Keeps profiles in a folder of the first rank's machine, one file a job, so that a job that starts
 * again does not measure again. The key names hardware and layout in full and is compared in full.
 */
public final class ProfileCache {
  private static final Logger LOG = LoggerFactory.getLogger(ProfileCache.class);

  private final Path folder;

  public ProfileCache(Path folder) {
    this.folder = folder;
  }

  /** The kept profile or, if there is none, a measured one. Collective over the pipeline stage. */
  public Profile get(JobShape job, RankGroups groups, ComputeTrials trials) {
    String key = key(job, trials);
    Optional<Profile> kept = groups.stage().rank() == 0 ? read(key) : Optional.empty();
    Optional<Profile> agreed = broadcast(kept, groups.stage(), trials.device());
    if (agreed.isPresent()) {
      return agreed.get();
    }
    Profile measured = Profiler.measure(job, groups, trials);
    if (groups.stage().rank() == 0) {
      write(key, measured);
    }
    return measured;
  }

  private static String key(JobShape job, ComputeTrials trials) {
    return "%s, %s, %s %s, %d processors, %d torch threads"
        .formatted(
            job,
            trials.name(),
            System.getProperty("os.name"),
            System.getProperty("os.arch"),
            Runtime.getRuntime().availableProcessors(),
            torch.get_num_threads());
  }

  private Path file(String key) {
    return folder.resolve("profile-%08x.conf".formatted(key.hashCode()));
  }

  private Optional<Profile> read(String key) {
    Path file = file(key);
    if (!Files.exists(file)) {
      return Optional.empty();
    }
    try {
      Config kept = ConfigFactory.parseFile(file.toFile());
      return kept.getString("key").equals(key)
          ? Optional.of(
              Profile.of(
                  kept.getDoubleList("values").stream().mapToDouble(Double::doubleValue).toArray()))
          : Optional.empty();
    } catch (ConfigException | IllegalArgumentException e) {
      LOG.warn("profile {} cannot be read and is measured again: {}", file, e.getMessage());
      return Optional.empty();
    }
  }

  private void write(String key, Profile profile) {
    StringBuilder values = new StringBuilder();
    for (double value : profile.values()) {
      values.append(values.isEmpty() ? "" : ", ").append(value);
    }
    try {
      Files.createDirectories(folder);
      Files.writeString(file(key), "key = \"%s\"%nvalues = [%s]%n".formatted(key, values));
    } catch (IOException e) {
      LOG.warn("profile is not kept: {}", e.toString());
    }
  }

  /** The first rank's profile on every rank; the last element says whether there is one. */
  private static Optional<Profile> broadcast(
      Optional<Profile> kept, Communicator stage, Device device) {
    int count = Profile.VALUES;
    double[] values = new double[count + 1];
    kept.ifPresent(
        profile -> {
          System.arraycopy(profile.values(), 0, values, 0, count);
          values[count] = 1;
        });
    try (TensorScope scope = TensorScope.open()) {
      Tensor shared = DeviceMemory.copied(Tensor.create(values), device, ScalarType.Double);
      stage.broadcast(shared, 0).await();
      double[] agreed = HostReads.doubles(shared);
      return agreed[count] == 1
          ? Optional.of(Profile.of(Arrays.copyOf(agreed, count)))
          : Optional.empty();
    }
  }
}
