package org.sparkmoe.moe;

/**
 * Between whom the rows of one layer travel.
 *
 * @param nEp N_EP
 * @param nEsp N_ESP
 * @param espIndex this rank's place in its ESP group
 * @param localExperts El = E/N_EP
 */
record ExchangeShape(int nEp, int nEsp, int espIndex, int localExperts) {

  /** Ranks whose tokens come to this rank's experts. */
  int sources() {
    return nEp * nEsp;
  }

  /** E. */
  int experts() {
    return nEp * localExperts;
  }
}
