package org.sparkmoe.collective;

import org.bytedeco.pytorch.FileStore;
import org.bytedeco.pytorch.ProcessGroupGloo;
import org.sparkmoe.tensor.TensorScope;

/**
 * A connected process group with the store it was connected by. The group does not count as an
 * owner of the store: freed before the group, the store would be freed twice.
 */
record GlooConnection(ProcessGroupGloo group, FileStore store) implements AutoCloseable {
  @Override
  public void close() {
    TensorScope.release(group);
    TensorScope.release(store);
  }
}
