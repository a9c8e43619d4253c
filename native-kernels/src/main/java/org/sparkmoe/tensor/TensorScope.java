package org.sparkmoe.tensor;

import java.util.function.Supplier;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * Owns every native object that this thread makes while the scope is open, and frees them when it
 * closes, without the garbage collector. Scopes nest; each belongs to one thread.
 *
 * <p>What must outlive the scope is {@linkplain #keep kept}, and freed by {@link #release}. The
 * gradient of a parameter needs no keeping: the parameter's native tensor holds it.
 */
public final class TensorScope implements AutoCloseable {
  static {
    LibTorch.load();
  }

  private final PointerScope scope = new PointerScope();

  private TensorScope() {}

  /** Opens a scope on this thread. */
  public static TensorScope open() {
    return new TensorScope();
  }

  /**
   * Lets this thread go on as if the scope were closed, but frees nothing: what the scope owns
   * lives until {@link #close}. So work can alternate between several scopes, which then need not
   * be closed in the reverse order of their making.
   */
  public void suspend() {
    scope.extend();
    scope.close();
  }

  /** Makes {@code pointer} outlive the scope that is open on this thread, if there is one. */
  public static <P extends Pointer> P keep(P pointer) {
    if (PointerScope.getInnerScope() != null) {
      pointer.retainReference();
    }
    return pointer;
  }

  /**
   * Runs {@code body} in a scope of its own: its result comes out into the caller's scope, all its
   * other native objects are freed.
   *
   * @param body returns a tensor of any shape, one it was given or one it made
   * @return the same values as the tensor that {@code body} returned, not a copy of them
   */
  public static Tensor compute(Supplier<Tensor> body) {
    return computeAll(() -> new Tensor[] {body.get()})[0];
  }

  /** As {@link #compute} for several results, of which some may be null and stay so. */
  public static @Nullable Tensor[] computeAll(Supplier<@Nullable Tensor[]> body) {
    @Nullable Tensor[] kept;
    try (TensorScope scope = open()) {
      @Nullable Tensor[] made = body.get();
      kept = new @Nullable Tensor[made.length];
      for (int i = 0; i < made.length; i++) {
        kept[i] = made[i] == null ? null : keep(new Tensor(made[i]));
      }
    }
    for (int i = 0; i < kept.length; i++) {
      Tensor inside = kept[i];
      if (inside != null) {
        kept[i] = new Tensor(inside);
        release(inside);
      }
    }
    return kept;
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
