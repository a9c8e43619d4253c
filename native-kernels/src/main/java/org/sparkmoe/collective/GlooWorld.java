package org.sparkmoe.collective;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.NetworkInterface;
import java.net.SocketException;
import java.net.UnknownHostException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.bytedeco.pytorch.ProcessGroupGloo;
import org.bytedeco.pytorch.gloo.Device;
import org.sparkmoe.tensor.TensorScope;

/**
 * One rank's way into a world of processes that talk by Gloo.
 *
 * <p>Addresses travel through the {@link Rendezvous} alone: there is no store server. This rank
 * listens on one port of the given address only, for all of its groups. The traffic itself is
 * neither encrypted nor authenticated, so the address should be one of a network that is trusted.
 */
public final class GlooWorld implements CommunicatorFactory {
  private final int rank;
  private final GlooConnector connector;
  private final Device device;
  private final Path directory;
  private final List<Communicator> made = new ArrayList<>();

  private GlooWorld(int rank, GlooConnector connector, Device device, Path directory) {
    this.rank = rank;
    this.connector = connector;
    this.device = device;
    this.directory = directory;
  }

  /**
   * Joins the world; nothing is sent before the first group is made.
   *
   * @param rank of this process in the world, from 0
   * @param size of the world
   * @param rendezvous exchanges addresses
   * @param bindAddress an address of this node, as a name or number, on which to listen
   * @param timeout for connecting one group
   * @throws IllegalArgumentException if {@code bindAddress} is not one address of this node
   */
  public static GlooWorld join(
      int rank, int size, Rendezvous rendezvous, String bindAddress, Duration timeout) {
    if (rank < 0 || rank >= size) {
      throw new IllegalArgumentException(
          "rank %d must be 0 to %d in a world of %d".formatted(rank, size - 1, size));
    }
    Device device =
        TensorScope.keep(
            ProcessGroupGloo.createDeviceForHostname(ownAddress(bindAddress).getHostAddress()));
    try {
      Path directory = Files.createTempDirectory("spark-moe-gloo-");
      GlooConnector connector =
          new GlooConnector(rank, size, rendezvous, device, directory, timeout);
      return new GlooWorld(rank, connector, device, directory);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Override
  public Communicator create(String groupName, List<Integer> worldRanks, Duration timeout) {
    GroupMember member = GroupMember.of(groupName, worldRanks, rank, timeout);
    Communicator communicator = new GlooCommunicator(member, connector.connect(member));
    made.add(communicator);
    return communicator;
  }

  @Override
  public void close() {
    made.forEach(Communicator::close);
    made.clear();
    TensorScope.release(device);
    // Only now: a store writes to its file when it is freed, and the process groups hold them.
    try (Stream<Path> stores = Files.list(directory)) {
      for (Path store : stores.toList()) {
        Files.delete(store);
      }
      Files.delete(directory);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static InetAddress ownAddress(String bindAddress) {
    try {
      InetAddress address = InetAddress.getByName(bindAddress);
      if (address.isAnyLocalAddress()) {
        throw new IllegalArgumentException(
            "bind address %s would listen on every network: name one address of this node"
                .formatted(bindAddress));
      }
      if (NetworkInterface.getByInetAddress(address) == null) {
        throw new IllegalArgumentException(
            "bind address %s is none of this node's, which are %s"
                .formatted(bindAddress, ownAddresses()));
      }
      return address;
    } catch (UnknownHostException | SocketException e) {
      throw new IllegalArgumentException(
          "bind address %s cannot be resolved; name one address of this node"
              .formatted(bindAddress),
          e);
    }
  }

  private static List<String> ownAddresses() throws SocketException {
    return NetworkInterface.networkInterfaces()
        .flatMap(NetworkInterface::inetAddresses)
        .map(InetAddress::getHostAddress)
        .toList();
  }
}
