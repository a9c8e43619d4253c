package org.sparkmoe.data;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.Iterator;
import java.util.NoSuchElementException;
import java.util.zip.ZipEntry;
import java.util.zip.ZipInputStream;
import org.jspecify.annotations.Nullable;

/**
 * The entries of a jar or zip file, one document each, read as a stream. An entry that is not text
 * or is too large is an empty document, so that it is counted as dropped.
 *
 * <p>Compressed input may unpack to far more than it weighs: an entry is read up to {@link
 * #MAX_ENTRY_BYTES}, and an archive up to {@link #MAX_ARCHIVE_BYTES}.
 */
final class ArchiveReader implements Iterator<String> {
  static final int MAX_ENTRY_BYTES = 16 << 20;
  static final long MAX_ARCHIVE_BYTES = 16L << 30;
  private static final int CHUNK_BYTES = 1 << 16;

  private final String name;
  private final ZipInputStream zip;
  private final byte[] chunk = new byte[CHUNK_BYTES];
  private @Nullable String next;
  private long bytesRead;

  ArchiveReader(String name, InputStream in) {
    this.name = name;
    this.zip = new ZipInputStream(in);
    this.next = advance();
  }

  @Override
  public boolean hasNext() {
    return next != null;
  }

  @Override
  public String next() {
    String document = next;
    if (document == null) {
      throw new NoSuchElementException("no more entries in " + name);
    }
    next = advance();
    return document;
  }

  private @Nullable String advance() {
    try {
      for (ZipEntry entry = zip.getNextEntry(); entry != null; entry = zip.getNextEntry()) {
        if (!entry.isDirectory()) {
          return readEntry();
        }
      }
      zip.close();
      return null;
    } catch (IOException e) {
      throw new UncheckedIOException("%s cannot be read as a zip archive".formatted(name), e);
    }
  }

  private String readEntry() throws IOException {
    ByteArrayOutputStream content = new ByteArrayOutputStream();
    boolean tooLarge = false;
    for (int n = zip.read(chunk); n >= 0; n = zip.read(chunk)) {
      bytesRead += n;
      if (bytesRead > MAX_ARCHIVE_BYTES) {
        throw new DataException(
            "%s unpacks to more than %d bytes: split the archive"
                .formatted(name, MAX_ARCHIVE_BYTES));
      }
      tooLarge |= content.size() + n > MAX_ENTRY_BYTES;
      if (!tooLarge) {
        content.write(chunk, 0, n);
      }
    }
    return tooLarge ? "" : decode(content.toByteArray());
  }

  private static String decode(byte[] bytes) {
    for (byte b : bytes) {
      if (b == 0) {
        return "";
      }
    }
    try {
      return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
    } catch (CharacterCodingException e) {
      return "";
    }
  }
}
