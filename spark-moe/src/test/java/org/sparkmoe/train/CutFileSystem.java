package org.sparkmoe.train;

import java.io.FilterOutputStream;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.io.OutputStream;
import java.nio.file.Path;
import java.util.concurrent.CountDownLatch;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.RawLocalFileSystem;
import org.apache.hadoop.fs.permission.FsPermission;

/** The local file system, which fails after so many bytes and does not write while it is shut. */
final class CutFileSystem extends RawLocalFileSystem {
  volatile long left = Long.MAX_VALUE;
  volatile long written;
  volatile CountDownLatch gate = new CountDownLatch(0);

  /** A directory on a file system of its own, which its {@code files()} gives. */
  static CheckpointDirectory directory(Path root) throws IOException {
    Configuration hadoop = new Configuration();
    hadoop.setClass("fs.file.impl", CutFileSystem.class, CutFileSystem.class);
    hadoop.setBoolean("fs.file.impl.disable.cache", true);
    return new CheckpointDirectory(new org.apache.hadoop.fs.Path(root.toUri()), hadoop);
  }

  @Override
  protected OutputStream createOutputStreamWithMode(
      org.apache.hadoop.fs.Path path, boolean append, FsPermission permission) throws IOException {
    return new CutStream(super.createOutputStreamWithMode(path, append, permission));
  }

  /** Without native code Hadoop would start a process for each change. */
  @Override
  public void setPermission(org.apache.hadoop.fs.Path path, FsPermission permission) {}

  private final class CutStream extends FilterOutputStream {
    CutStream(OutputStream out) {
      super(out);
    }

    @Override
    public void write(byte[] bytes, int offset, int length) throws IOException {
      try {
        gate.await();
      } catch (InterruptedException e) {
        throw new InterruptedIOException("the disk is shut");
      }
      int allowed = (int) Math.min(left, length);
      out.write(bytes, offset, allowed);
      left -= allowed;
      written += allowed;
      if (allowed < length) {
        throw new IOException("the disk is cut off");
      }
    }
  }
}
