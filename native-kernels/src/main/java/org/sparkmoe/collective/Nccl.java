package org.sparkmoe.collective;

import org.bytedeco.pytorch.Tensor;
import org.sparkmoe.collective.Communicator.Reduction;

/**
 * NCCL, as far as {@link NcclCommunicator} uses it. Tensors are contiguous, not empty, and on the
 * rank's GPU. Operations are queued on the stream that is current on the calling thread, and return
 * when they are queued.
 */
interface Nccl {

  /** Bytes that make one group find itself, as text; made by one of its ranks. */
  String uniqueId();

  /** Begins to connect a group; all its ranks do so with the same id. Does not block. */
  Link connect(String uniqueId, int rank, int size);

  /** How a link stands. */
  enum Progress {
    READY,
    /** Connecting, or putting an operation into the queue. */
    PENDING,
    FAILED
  }

  /** One rank's end of a group. */
  interface Link {
    Progress progress();

    /** What {@link Progress#FAILED} was about. */
    String problem();

    /** Makes the sends and receives of {@code calls} one operation. */
    void group(Runnable calls);

    void send(Tensor part, int peer);

    void receive(Tensor part, int peer);

    void allGather(Tensor output, Tensor input);

    void reduceScatter(Tensor output, Tensor input);

    void allReduce(Tensor tensor, Reduction reduction);

    void broadcast(Tensor tensor, int root);

    /** Ends operations under way; nothing may follow. */
    void abort();

    /** Gives the link back after its operations are complete; nothing may follow. */
    void destroy();
  }
}
