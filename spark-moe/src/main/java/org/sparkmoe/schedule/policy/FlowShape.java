package org.sparkmoe.schedule.policy;

/**
 * How blocks are cut when chunks of tokens flow through all of them. A chunk waits for those chunks
 * of the task before it that hold any of its tokens, so the counts are independent of each other.
 *
 * @param dense chunks of the dense part's computation
 * @param modelParallel chunks of MP-AllGather and MP-ReduceScatter
 * @param moe chunks of AlltoAll, ESP-AllGather and ESP-ReduceScatter
 * @param expert chunks of the experts' computation
 */
record FlowShape(int dense, int modelParallel, int moe, int expert) {

  static FlowShape uniform(int chunks) {
    return new FlowShape(chunks, chunks, chunks, chunks);
  }
}
