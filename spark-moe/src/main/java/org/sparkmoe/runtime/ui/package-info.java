/**
 * The run as Spark's own tools show it: events on Spark's listener bus, which the event log keeps;
 * a tab of the web UI, live and in the History Server; gauges of Spark's metrics system;
 * accumulators.
 *
 * <pre>
 * rank 0 → EventPoster → listener bus → EventKeeper → KVStore → MoePage
 *                              ↓             ↓
 *                          event log      gauges
 * </pre>
 */
@NullMarked
package org.sparkmoe.runtime.ui;

import org.jspecify.annotations.NullMarked;
