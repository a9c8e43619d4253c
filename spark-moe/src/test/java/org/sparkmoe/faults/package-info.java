/**
 * Faults injected into training in JVMs of its own: the program behind {@code benchmarks/faults}
 * and what the integration test runs of it.
 */
@org.jspecify.annotations.NullMarked
package org.sparkmoe.faults;
