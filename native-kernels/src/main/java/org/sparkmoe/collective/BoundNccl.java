package org.sparkmoe.collective;

import java.util.Base64;
import org.bytedeco.cuda.cudart.CUstream_st;
import org.bytedeco.cuda.global.nccl;
import org.bytedeco.cuda.nccl.ncclComm;
import org.bytedeco.cuda.nccl.ncclConfig_t;
import org.bytedeco.cuda.nccl.ncclUniqueId;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.javacpp.PointerPointer;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.cuda.CUDAStream;
import org.bytedeco.pytorch.global.torch_cuda;
import org.sparkmoe.collective.Communicator.Reduction;
import org.sparkmoe.tensor.TensorScope;

/** NCCL by its JavaCPP binding. */
final class BoundNccl implements Nccl {
  /** {@code NCCL_CONFIG_UNDEF_INT}: let NCCL decide. */
  private static final int UNDEFINED = Integer.MIN_VALUE;

  @Override
  public String uniqueId() {
    try (ncclUniqueId id = new ncclUniqueId()) {
      check("ncclGetUniqueId", nccl.ncclGetUniqueId(id));
      byte[] bytes = new byte[nccl.NCCL_UNIQUE_ID_BYTES];
      id.internal().get(bytes);
      return Base64.getEncoder().encodeToString(bytes);
    }
  }

  @Override
  public Link connect(String uniqueId, int rank, int size) {
    try (ncclUniqueId id = new ncclUniqueId();
        ncclConfig_t config = nonBlocking();
        PointerPointer<ncclComm> cell = new PointerPointer<>(1)) {
      id.internal().put(Base64.getDecoder().decode(uniqueId));
      check("ncclCommInitRankConfig", nccl.ncclCommInitRankConfig(cell, size, id, rank, config));
      return new BoundLink(TensorScope.keep(new ncclComm(cell.get(0))));
    }
  }

  /** What {@code NCCL_CONFIG_INITIALIZER} holds, but not blocking. */
  private static ncclConfig_t nonBlocking() {
    ncclConfig_t config = new ncclConfig_t();
    return config
        .size(config.sizeof())
        .magic(nccl.NCCL_API_MAGIC)
        .version(nccl.NCCL_VERSION_CODE)
        .blocking(0)
        .cgaClusterSize(UNDEFINED)
        .minCTAs(UNDEFINED)
        .maxCTAs(UNDEFINED)
        .netName(new BytePointer())
        .splitShare(UNDEFINED)
        .trafficClass(UNDEFINED)
        .commName(new BytePointer())
        .collnetEnable(UNDEFINED)
        .CTAPolicy(UNDEFINED)
        .shrinkShare(UNDEFINED)
        .nvlsCTAs(UNDEFINED)
        .nChannelsPerNetPeer(UNDEFINED)
        .nvlinkCentricSched(UNDEFINED)
        .graphUsageMode(UNDEFINED)
        .numRmaCtx(UNDEFINED);
  }

  private static void check(String call, int code) {
    if (code != nccl.ncclSuccess && code != nccl.ncclInProgress) {
      throw new CollectiveException(
          "%s: %s".formatted(call, nccl.ncclGetErrorString(code).getString()));
    }
  }

  /** NCCL frees what it aborts or destroys: after that the link itself answers. */
  private static final class BoundLink implements Link {
    private final ncclComm comm;
    private boolean ended;

    BoundLink(ncclComm comm) {
      this.comm = comm;
    }

    @Override
    public synchronized Progress progress() {
      int code = state();
      if (code == nccl.ncclSuccess) {
        return Progress.READY;
      }
      return code == nccl.ncclInProgress ? Progress.PENDING : Progress.FAILED;
    }

    private int state() {
      if (ended) {
        return nccl.ncclInvalidUsage;
      }
      int[] state = new int[1];
      int code = nccl.ncclCommGetAsyncError(comm, state);
      return code == nccl.ncclSuccess ? state[0] : code;
    }

    @Override
    public synchronized String problem() {
      if (ended) {
        return "the communicator was aborted or closed";
      }
      return "%s (%s)"
          .formatted(
              nccl.ncclGetErrorString(state()).getString(),
              nccl.ncclGetLastError(comm).getString());
    }

    @Override
    public synchronized void group(Runnable calls) {
      refuseEnded();
      check("ncclGroupStart", nccl.ncclGroupStart());
      try {
        calls.run();
      } finally {
        check("ncclGroupEnd", nccl.ncclGroupEnd());
      }
    }

    @Override
    public void send(Tensor part, int peer) {
      try (Pointer data = part.data_ptr();
          CUDAStream stream = torch_cuda.getCurrentCUDAStream()) {
        check("ncclSend", nccl.ncclSend(data, part.numel(), type(part), peer, comm, queue(stream)));
      }
    }

    @Override
    public void receive(Tensor part, int peer) {
      try (Pointer data = part.data_ptr();
          CUDAStream stream = torch_cuda.getCurrentCUDAStream()) {
        check("ncclRecv", nccl.ncclRecv(data, part.numel(), type(part), peer, comm, queue(stream)));
      }
    }

    @Override
    public synchronized void allGather(Tensor output, Tensor input) {
      refuseEnded();
      try (Pointer from = input.data_ptr();
          Pointer to = output.data_ptr();
          CUDAStream stream = torch_cuda.getCurrentCUDAStream()) {
        check(
            "ncclAllGather",
            nccl.ncclAllGather(from, to, input.numel(), type(input), comm, queue(stream)));
      }
    }

    @Override
    public synchronized void reduceScatter(Tensor output, Tensor input) {
      refuseEnded();
      try (Pointer from = input.data_ptr();
          Pointer to = output.data_ptr();
          CUDAStream stream = torch_cuda.getCurrentCUDAStream()) {
        check(
            "ncclReduceScatter",
            nccl.ncclReduceScatter(
                from, to, output.numel(), type(input), nccl.ncclSum, comm, queue(stream)));
      }
    }

    @Override
    public synchronized void allReduce(Tensor tensor, Reduction reduction) {
      refuseEnded();
      int operation = reduction == Reduction.SUM ? nccl.ncclSum : nccl.ncclMax;
      try (Pointer data = tensor.data_ptr();
          CUDAStream stream = torch_cuda.getCurrentCUDAStream()) {
        check(
            "ncclAllReduce",
            nccl.ncclAllReduce(
                data, data, tensor.numel(), type(tensor), operation, comm, queue(stream)));
      }
    }

    @Override
    public synchronized void broadcast(Tensor tensor, int root) {
      refuseEnded();
      try (Pointer data = tensor.data_ptr();
          CUDAStream stream = torch_cuda.getCurrentCUDAStream()) {
        check(
            "ncclBroadcast",
            nccl.ncclBroadcast(
                data, data, tensor.numel(), type(tensor), root, comm, queue(stream)));
      }
    }

    @Override
    public synchronized void abort() {
      if (!ended) {
        ended = true;
        nccl.ncclCommAbort(comm);
        TensorScope.release(comm);
      }
    }

    @Override
    public synchronized void destroy() {
      if (!ended) {
        ended = true;
        nccl.ncclCommDestroy(comm);
        TensorScope.release(comm);
      }
    }

    private void refuseEnded() {
      if (ended) {
        throw new CollectiveException(problem());
      }
    }

    private static CUstream_st queue(CUDAStream stream) {
      return stream.stream();
    }

    private static int type(Tensor tensor) {
      return switch (tensor.scalar_type().intern()) {
        case Float -> nccl.ncclFloat32;
        case Double -> nccl.ncclFloat64;
        case BFloat16 -> nccl.ncclBfloat16;
        case Long -> nccl.ncclInt64;
        default -> throw new IllegalArgumentException("dtype %s".formatted(tensor.scalar_type()));
      };
    }
  }
}
