/**
 * The paper's experiments on its two published testbeds, simulated: our figure beside the published
 * one for every cell. Published figures are measurements; ours come in two kinds, on ideal lanes
 * and with one interference coefficient a testbed, always labelled.
 */
@NullMarked
package org.sparkmoe.schedule.reproduce;

import org.jspecify.annotations.NullMarked;
