package org.sparkmoe.collective;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.bytedeco.pytorch.Tensor;
import org.jspecify.annotations.Nullable;
import org.sparkmoe.collective.Communicator.Reduction;
import org.sparkmoe.lane.FakeGpu;
import org.sparkmoe.tensor.TensorScope;

/**
 * What NCCL promises, on the CPU: operations run on the stream they were queued on, sends meet
 * receives in order, and a rank that aborts makes the others fail.
 */
final class FakeNccl implements Nccl {
  private final FakeGpu gpu;
  private final Map<String, Group> groups;

  /**
   * One rank's NCCL.
   *
   * @param groups of all ranks, by id
   */
  FakeNccl(FakeGpu gpu, Map<String, Group> groups) {
    this.gpu = gpu;
    this.groups = groups;
  }

  @Override
  public String uniqueId() {
    String id = "id-" + groups.size() + "-" + System.identityHashCode(new Object());
    groups.put(id, new Group());
    return id;
  }

  @Override
  public Link connect(String uniqueId, int rank, int size) {
    return new FakeLink(Objects.requireNonNull(groups.get(uniqueId)), rank, size);
  }

  /** What the ranks of a group share. */
  static final class Group {
    private final Map<List<Integer>, LinkedBlockingQueue<Tensor>> mail = new ConcurrentHashMap<>();
    private volatile boolean aborted;

    void post(int from, int to, Tensor copy) {
      mail.computeIfAbsent(List.of(from, to), key -> new LinkedBlockingQueue<>()).add(copy);
    }

    Tensor take(int from, int to) {
      LinkedBlockingQueue<Tensor> box =
          mail.computeIfAbsent(List.of(from, to), key -> new LinkedBlockingQueue<>());
      while (!aborted) {
        try {
          Tensor tensor = box.poll(5, TimeUnit.MILLISECONDS);
          if (tensor != null) {
            return tensor;
          }
        } catch (InterruptedException e) {
          throw new IllegalStateException(e);
        }
      }
      throw new IllegalStateException("aborted");
    }
  }

  private final class FakeLink implements Link {
    private final Group group;
    private final int rank;
    private final int size;
    private @Nullable List<Runnable> grouped;

    FakeLink(Group group, int rank, int size) {
      this.group = group;
      this.rank = rank;
      this.size = size;
    }

    @Override
    public Progress progress() {
      return group.aborted ? Progress.FAILED : Progress.READY;
    }

    @Override
    public String problem() {
      return "a rank aborted";
    }

    @Override
    public void group(Runnable calls) {
      List<Runnable> kernels = new ArrayList<>();
      grouped = kernels;
      calls.run();
      grouped = null;
      gpu.launch(() -> kernels.forEach(Runnable::run));
    }

    /** Within a group sends must not wait for the receives after them: all are posted first. */
    @Override
    public void send(Tensor part, int peer) {
      Tensor held = TensorScope.keep(new Tensor(part));
      Objects.requireNonNull(grouped)
          .add(
              0,
              () -> {
                group.post(rank, peer, copy(held));
                TensorScope.release(held);
              });
    }

    @Override
    public void receive(Tensor part, int peer) {
      Tensor held = TensorScope.keep(new Tensor(part));
      Objects.requireNonNull(grouped)
          .add(
              () -> {
                try {
                  put(held, group.take(peer, rank));
                } finally {
                  TensorScope.release(held);
                }
              });
    }

    @Override
    public void allGather(Tensor output, Tensor input) {
      launch(
          t -> {
            long rows = t[1].size(0);
            List<Tensor> parts = everyones(t[1]);
            for (int peer = 0; peer < size; peer++) {
              t[0].narrow(0, peer * rows, rows).copy_(parts.get(peer));
            }
            parts.forEach(TensorScope::release);
          },
          output,
          input);
    }

    @Override
    public void reduceScatter(Tensor output, Tensor input) {
      launch(
          t -> {
            List<Tensor> parts = everyones(t[1]);
            long rows = t[0].size(0);
            List<Tensor> own =
                parts.stream().map(p -> p.narrow(0, rank * rows, rows).view(-1)).toList();
            RankOrderReduction.reduce(List.of(t[0].view(-1)), own, Reduction.SUM);
            parts.forEach(TensorScope::release);
          },
          output,
          input);
    }

    @Override
    public void allReduce(Tensor tensor, Reduction reduction) {
      launch(
          t -> {
            List<Tensor> parts = everyones(t[0]);
            List<Tensor> flat = parts.stream().map(p -> p.view(-1)).toList();
            RankOrderReduction.reduce(List.of(t[0].view(-1)), flat, reduction);
            parts.forEach(TensorScope::release);
          },
          tensor);
    }

    @Override
    public void broadcast(Tensor tensor, int root) {
      launch(
          t -> {
            List<Tensor> parts = everyones(t[0]);
            t[0].copy_(parts.get(root));
            parts.forEach(TensorScope::release);
          },
          tensor);
    }

    private void launch(Consumer<Tensor[]> kernel, Tensor... tensors) {
      Tensor[] held = new Tensor[tensors.length];
      for (int i = 0; i < held.length; i++) {
        held[i] = TensorScope.keep(new Tensor(tensors[i]));
      }
      gpu.launch(
          () -> {
            try (TensorScope scope = TensorScope.open()) {
              kernel.accept(held);
            } finally {
              for (Tensor tensor : held) {
                TensorScope.release(tensor);
              }
            }
          });
    }

    private List<Tensor> everyones(Tensor mine) {
      for (int peer = 0; peer < size; peer++) {
        group.post(rank, peer, copy(mine));
      }
      List<Tensor> all = new ArrayList<>();
      for (int peer = 0; peer < size; peer++) {
        all.add(group.take(peer, rank));
      }
      return all;
    }

    private static Tensor copy(Tensor tensor) {
      try (TensorScope scope = TensorScope.open()) {
        return TensorScope.keep(tensor.clone());
      }
    }

    private static void put(Tensor destination, Tensor source) {
      try (TensorScope scope = TensorScope.open()) {
        destination.copy_(source);
      }
      TensorScope.release(source);
    }

    @Override
    public void abort() {
      group.aborted = true;
    }

    @Override
    public void destroy() {}
  }
}
