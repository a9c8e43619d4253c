package org.sparkmoe.tensor;

import org.bytedeco.javacpp.Pointer;
import org.bytedeco.javacpp.PointerScope;

/**
 * Owns every native object that this thread makes while the scope is open, and frees them when it
 * closes, without the garbage collector. Scopes nest; each belongs to one thread.
 *
 * <p>What must outlive the scope is {@linkplain #keep kept}, and freed by {@link #release}. The
 * gradient of a parameter needs no keeping: the parameter's native tensor holds it.
 */
public final class TensorScope implements AutoCloseable {
  private final PointerScope scope = new PointerScope();

  private TensorScope() {}

  /** Opens a scope on this thread. */
  public static TensorScope open() {
    return new TensorScope();
  }

  /** Makes {@code pointer} outlive the scope that is open on this thread, if there is one. */
  public static <P extends Pointer> P keep(P pointer) {
    if (PointerScope.getInnerScope() != null) {
      pointer.retainReference();
    }
    return pointer;
  }

  /** Frees what was kept; it must not be used again. */
  public static void release(Pointer pointer) {
    pointer.deallocate();
  }

  @Override
  public void close() {
    scope.close();
  }
}
