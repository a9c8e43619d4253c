package org.sparkmoe.train;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.Size;

/** Whatever is done to a header, it is refused by name or describes data that is in the file. */
class SafetensorsMutationTest {
  private static final long DATA = 4 * 6 + 8 * 3 + 2 * 10;
  private static final String ALPHABET = "0123456789-{}[],:\"eE. \\aF\u0000\u00FF";
  private static final byte[] VALID = valid();

  @Property(tries = 10_000)
  void mutatedHeadersAreRefusedOrStayInsideTheFile(
      @ForAll @Size(min = 1, max = 4) List<@IntRange(max = 1 << 30) Integer> edits) {
    byte[] header = VALID.clone();
    for (int edit : edits) {
      header = mutate(header, edit);
    }
    check(header, DATA);
  }

  @Property(tries = 2_000)
  void arbitraryBytesAreRefusedOrStayInsideTheFile(@ForAll @Size(max = 64) byte[] header) {
    check(header, 8);
  }

  private static void check(byte[] header, long data) {
    try {
      SafetensorsHeader parsed = SafetensorsHeaderParser.parse(header, data);
      assertThat(parsed.tensors().values())
          .allSatisfy(
              entry -> {
                assertThat(entry.begin()).isBetween(0L, data);
                assertThat(entry.end()).isBetween(entry.begin(), data);
                assertThat(SafetensorsHeader.elements(entry.shape()) * entry.type().bytes())
                    .isEqualTo(entry.bytes());
              });
    } catch (SafetensorsException refusal) {
      assertThat(refusal.getMessage())
          .matches("(?s)(header|tensor|tensors|metadata|the header|__metadata__).{10,}");
    }
  }

  /** Flips, inserts, deletes or doubles at a place, all four decided by {@code edit}. */
  private static byte[] mutate(byte[] header, int edit) {
    int position = (edit >>> 10) % header.length;
    byte value = (byte) ALPHABET.charAt((edit >>> 2) % ALPHABET.length());
    switch (edit & 3) {
      case 0 -> {
        header[position] = value;
        return header;
      }
      case 1 -> {
        byte[] longer = new byte[header.length + 1];
        System.arraycopy(header, 0, longer, 0, position);
        longer[position] = value;
        System.arraycopy(header, position, longer, position + 1, header.length - position);
        return longer;
      }
      case 2 -> {
        byte[] shorter = new byte[Math.max(1, header.length - 1)];
        System.arraycopy(header, 0, shorter, 0, Math.min(position, shorter.length));
        System.arraycopy(
            header,
            Math.min(position + 1, header.length),
            shorter,
            Math.min(position, shorter.length),
            Math.max(0, Math.min(shorter.length, header.length - 1) - position));
        return shorter;
      }
      default -> {
        return Arrays.copyOf(header, position + 1);
      }
    }
  }

  private static byte[] valid() {
    Map<String, SafetensorsHeader.Entry> tensors = new LinkedHashMap<>();
    tensors.put("a", new SafetensorsHeader.Entry(StoredType.F32, new long[] {2, 3}, 0, 24));
    tensors.put("b", new SafetensorsHeader.Entry(StoredType.I64, new long[] {3}, 24, 48));
    tensors.put("c", new SafetensorsHeader.Entry(StoredType.BF16, new long[] {2, 5, 1}, 48, 68));
    return new SafetensorsHeader(tensors, Map.of("k", "v")).toJson();
  }
}
