package org.sparkmoe.fakegpu;

import org.bytedeco.javacpp.Pointer;

/** A pointer that only C++ knows so far. */
final class Address extends Pointer {
  Address(long address) {
    this.address = address;
  }
}
