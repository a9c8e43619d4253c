package org.sparkmoe.moe;

/**
 * One chunk of a direction. Rows are cut into L parts, L a multiple of the degrees of both
 * directions, so that a chunk of either is a run of whole parts.
 *
 * @param index from 0
 * @param of r, the pipeline degree
 */
record Chunk(int index, int of) {

  /** Its first part. */
  int first(int parts) {
    return index * (parts / of);
  }

  /** The part after its last. */
  int end(int parts) {
    return (index + 1) * (parts / of);
  }
}
