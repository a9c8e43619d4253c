package org.sparkmoe.tensor;

import org.bytedeco.javacpp.Pointer;

/**
 * Native objects that earlier tests left to the collector. Tests that count objects wait until they
 * are gone, lest one be freed between two counts.
 */
public final class NativeGarbage {
  private NativeGarbage() {}

  /** Returns when three collections in a row have freed nothing. */
  public static void awaitGone() {
    int quiet = 0;
    while (quiet < 3) {
      long before = Pointer.totalCount();
      System.gc();
      try {
        // References reach JavaCPP's queue, and the thread that empties it, some time after the
        // collection.
        Thread.sleep(20);
      } catch (InterruptedException e) {
        throw new IllegalStateException(e);
      }
      Pointer.deallocateReferences();
      quiet = Pointer.totalCount() == before ? quiet + 1 : 0;
    }
  }
}
