package org.sparkmoe.collective;

import java.nio.file.Path;
import java.time.Duration;
import java.util.Base64;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.stream.IntStream;
import org.bytedeco.javacpp.chrono.Milliseconds;
import org.bytedeco.pytorch.ByteVector;
import org.bytedeco.pytorch.FileStore;
import org.bytedeco.pytorch.GlooDeviceVector;
import org.bytedeco.pytorch.ProcessGroupGloo;
import org.bytedeco.pytorch.StringVector;
import org.bytedeco.pytorch.gloo.Device;
import org.jspecify.annotations.Nullable;
import org.sparkmoe.tensor.TensorScope;

/**
 * Connects process groups without a store server.
 *
 * <p>Gloo wants a key-value store that all ranks share. Each rank gives it a file of its own in a
 * directory that only this user may read, takes this rank's address out of it as soon as Gloo has
 * written it, sends it through the {@link Rendezvous}, and writes the addresses of the peers into
 * the file, for which Gloo waits. So nobody has to listen for a store, which {@code TCPStore} would
 * do on all interfaces.
 *
 * @param rank of this process in the world
 * @param size of the world
 * @param device on which Gloo listens
 * @param directory for the stores
 * @param timeout for connecting one group
 */
record GlooConnector(
    int rank, int size, Rendezvous rendezvous, Device device, Path directory, Duration timeout) {
  private static final String FAILED = "failed: ";
  private static final Duration BEYOND_OUR_OWN = Duration.ofSeconds(10);

  /**
   * Connects one group; collective over the whole world.
   *
   * @return null for a group of one rank
   */
  @Nullable GlooConnection connect(GroupMember member) {
    if (member.size() == 1) {
      exchange(member, "");
      return null;
    }
    String file = directory.resolve(member.group() + "-" + System.nanoTime()).toString();
    try (TensorScope scope = TensorScope.open()) {
      FileStore store = new FileStore(file, -1);
      CompletableFuture<GlooConnection> connecting = startConnecting(member, file);
      List<String> addresses = exchange(member, ownAddress(member, store, connecting));
      for (int index = 0; index < member.size(); index++) {
        if (index != member.index()) {
          byte[] address =
              Base64.getDecoder().decode(addresses.get(member.worldRanks().get(index)));
          store.set(key(index), new ByteVector(address));
        }
      }
      return await(member, connecting, timeout.toMillis());
    }
  }

  /** Gloo's constructor blocks until all peers are there, so it has a thread of its own. */
  private CompletableFuture<GlooConnection> startConnecting(GroupMember member, String file) {
    Duration longest =
        (member.timeout().compareTo(timeout) > 0 ? member.timeout() : timeout).plus(BEYOND_OUR_OWN);
    return CompletableFuture.supplyAsync(
        () -> {
          try (TensorScope scope = TensorScope.open()) {
            ProcessGroupGloo.Options options =
                ProcessGroupGloo.Options.create(new Milliseconds(longest.toMillis()));
            options.threads(1);
            options.devices(new GlooDeviceVector(device));
            FileStore store = TensorScope.keep(new FileStore(file, -1));
            return new GlooConnection(
                TensorScope.keep(
                    new ProcessGroupGloo(store, member.index(), member.size(), options)),
                store);
          }
        },
        task -> {
          Thread thread = new Thread(task, "gloo-connect-" + member.group());
          thread.setDaemon(true);
          thread.start();
        });
  }

  private String ownAddress(
      GroupMember member, FileStore store, CompletableFuture<GlooConnection> connecting) {
    long deadline = System.nanoTime() + timeout.toNanos();
    StringVector key = new StringVector(key(member.index()));
    while (!store.check(key)) {
      if (connecting.isCompletedExceptionally() || System.nanoTime() > deadline) {
        return FAILED + "Gloo gave no address within " + timeout;
      }
      settle(connecting);
    }
    return Base64.getEncoder().encodeToString(store.get(key(member.index())).get());
  }

  /** Waits a little, or until Gloo has failed. */
  private static void settle(CompletableFuture<GlooConnection> connecting) {
    try {
      connecting.handle((group, failure) -> failure).get(2, TimeUnit.MILLISECONDS);
    } catch (TimeoutException | ExecutionException e) {
      return;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** The messages of all ranks, after a check that they speak of the same group. */
  private List<String> exchange(GroupMember member, String address) {
    List<String> messages = rendezvous.allGather(member.group() + "\n" + address);
    if (messages.size() != size) {
      throw new CollectiveException(
          "%s: the rendezvous gave %d messages in a world of %d"
              .formatted(member.describe("connect"), messages.size(), size));
    }
    return IntStream.range(0, size)
        .mapToObj(peer -> address(member, peer, messages.get(peer)))
        .toList();
  }

  private static String address(GroupMember member, int peer, String message) {
    int end = message.indexOf('\n');
    String group = message.substring(0, Math.max(0, end));
    if (!group.equals(member.group())) {
      throw new CollectiveException(
          "%s: rank %d makes group %s at the same time; all ranks must make groups in one order"
              .formatted(member.describe("connect"), peer, group));
    }
    String address = message.substring(end + 1);
    if (address.startsWith(FAILED)) {
      throw new CollectiveException(
          "%s: rank %d %s".formatted(member.describe("connect"), peer, address));
    }
    return address;
  }

  private static GlooConnection await(
      GroupMember member, CompletableFuture<GlooConnection> connecting, long millis) {
    try {
      return connecting.get(millis, TimeUnit.MILLISECONDS);
    } catch (ExecutionException e) {
      throw new CollectiveException(
          member.describe("connect") + " failed: " + NativeMessages.firstLine(e.getCause()), e);
    } catch (TimeoutException e) {
      throw new CollectiveException(
          "%s timed out after %d ms".formatted(member.describe("connect"), millis), e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new CollectiveException(member.describe("connect") + " was interrupted", e);
    }
  }

  /** Where Gloo keeps the address of a member: the place of the device, and the rank. */
  private static String key(int index) {
    return "0/" + index;
  }
}
