package org.sparkmoe.schedule.policy;

/**
 * How a model can cut the blocks that chunks flow through.
 *
 * @param sequences numbers of chunks of attention divide it, since a chunk is whole sequences
 * @param gateChunks numbers of chunks that gates decide about divide it; 1 if they must see all
 *     tokens of a rank
 * @param sameDegrees whether backward has as many chunks as forward
 */
public record FlowLimits(int sequences, int gateChunks, boolean sameDegrees) {

  public FlowLimits {
    if (sequences < 1 || gateChunks < 1 || sequences % gateChunks != 0) {
      throw new IllegalArgumentException(
          "%d sequences and %d chunks of gates: must be at least 1, the second a divisor of the first"
              .formatted(sequences, gateChunks));
    }
  }
}
