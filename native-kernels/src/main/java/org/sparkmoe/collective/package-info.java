/**
 * Collective operations between ranks.
 *
 * <pre>
 *   Communicator         what callers see: operations that return handles, abort, timeout
 *     QueuedCommunicator   checks arguments, runs operations in issue order on a lane
 *       InProcessCommunicator   ranks as threads, each copies its part out of its peers' tensors
 *       GlooCommunicator        ranks as processes, bytes by TCP
 *     NcclCommunicator     ranks with a GPU each; handles let streams wait, not the host
 *   CommunicatorFactory  groups out of the world: InProcessWorld, GlooWorld, NcclWorld
 * </pre>
 *
 * The first two transports add up in the order of ranks, in f32 for bf16, so that the same layout
 * gives the same bits over either of them; NCCL adds up in its own order.
 */
@NullMarked
package org.sparkmoe.collective;

import org.jspecify.annotations.NullMarked;
