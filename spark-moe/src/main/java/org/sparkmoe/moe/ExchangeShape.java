package org.sparkmoe.moe;

/**
 * The sizes of one layer's exchange.
 *
 * @param nEp N_EP
 * @param nEsp N_ESP
 * @param localExperts El = E/N_EP
 * @param capacity C, places of an expert for one rank's tokens
 * @param width M
 */
record ExchangeShape(int nEp, int nEsp, int localExperts, long capacity, long width) {

  /** Ranks whose tokens come to this rank's experts. */
  long sources() {
    return (long) nEp * nEsp;
  }

  /** R, rows of each of this rank's experts: (place, source). */
  long rows() {
    return capacity * sources();
  }
}
