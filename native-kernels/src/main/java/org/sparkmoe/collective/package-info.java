/**
 * Collective operations between ranks.
 *
 * <pre>
 *   Communicator         what callers see: operations that return handles, abort, timeout
 *     QueuedCommunicator   checks arguments, runs operations in issue order on a lane
 *       InProcessCommunicator   ranks as threads, each copies its part out of its peers' tensors
 *       GlooCommunicator        ranks as processes, bytes by TCP
 *   CommunicatorFactory  groups out of the world: InProcessWorld, GlooWorld
 * </pre>
 *
 * Both transports add up in the order of ranks, in f32 for bf16, so that the same layout gives the
 * same bits over either of them.
 */
@NullMarked
package org.sparkmoe.collective;

import org.jspecify.annotations.NullMarked;
