package org.sparkmoe.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SequenceSpoolTest {
  @TempDir Path directory;

  @Test
  void servesTheSameRowsFromMemoryAndFromFile() throws IOException {
    try (SequenceSpool memory = spool(12, 1 << 20);
        SequenceSpool mixed = spool(12, 5 * 12);
        SequenceSpool file = spool(12, 0)) {
      assertThat(memory.bytesOnDisk()).isZero();
      assertThat(mixed.bytesOnDisk()).isEqualTo(7 * 12);
      assertThat(file.bytesOnDisk()).isEqualTo(12 * 12);
      for (int batch = 0; batch < 3; batch++) {
        int[][] rows = memory.batch(batch, 1, 3);
        assertThat(rows[0]).containsExactly(batch * 4 + 1, 100, 200);
        assertThat(mixed.batch(batch, 1, 3)).isEqualTo(rows);
        assertThat(file.batch(batch, 1, 3)).isEqualTo(rows);
      }
      assertThat(files()).isEqualTo(2);
    }
    assertThat(files()).isZero();
  }

  @Test
  void laterEpochsPermuteWholeBatchesWhateverTheShardSize() {
    try (SequenceSpool two = spool(40, 1 << 20);
        SequenceSpool one =
            new SequenceSpool(
                sequences(20).iterator(), new SequenceSpool.Limits(2, 2, 9, 1 << 20, directory))) {
      assertThat(two.batches()).isEqualTo(10).isEqualTo(one.batches());
      List<Long> first = LongStream.range(0, 10).map(two::batchOfStep).boxed().toList();
      List<Long> second = LongStream.range(10, 20).map(two::batchOfStep).boxed().toList();
      List<Long> third = LongStream.range(20, 30).map(two::batchOfStep).boxed().toList();
      assertThat(first).isSorted();
      assertThat(second).containsExactlyInAnyOrderElementsOf(first).isNotEqualTo(first);
      assertThat(third).containsExactlyInAnyOrderElementsOf(first).isNotEqualTo(second);
      assertThat(LongStream.range(10, 30).map(one::batchOfStep).boxed().toList())
          .isEqualTo(Stream.concat(second.stream(), third.stream()).toList());
      assertThat(two.sequences(13, 0, 2)).isEqualTo(two.batch(second.get(3), 0, 2));
    }
  }

  @Test
  void refusesRowsOfAnotherLengthAndIncompleteBatchesAndLeavesNoFile() throws IOException {
    assertThatThrownBy(() -> spool(11, 0))
        .isInstanceOf(DataException.class)
        .hasMessageContaining("has 11 sequences");
    assertThatThrownBy(() -> spool(0, 0)).isInstanceOf(DataException.class);
    SequenceSpool.Limits longer = new SequenceSpool.Limits(3, 4, 9, 0, directory);
    assertThatThrownBy(() -> new SequenceSpool(sequences(4).iterator(), longer))
        .isInstanceOf(DataException.class)
        .hasMessageContaining("sequence 0 has 3 tokens, must have data.sequence-length + 1 = 4");
    assertThat(files()).isZero();
  }

  @Test
  void keepsMarksAndCountsTargetsInMemoryAndInFile() {
    List<TokenSequence> marked = new ArrayList<>();
    for (int i = 0; i < 8; i++) {
      int second = i < 4 ? ContextToken.entry(i) : i;
      marked.add(new TokenSequence(i, new int[] {ContextToken.entry(0), second, 200}));
    }
    for (long memoryBytes : new long[] {0, 1 << 20}) {
      SequenceSpool.Limits limits = new SequenceSpool.Limits(2, 4, 9, memoryBytes, directory);
      try (SequenceSpool spool = new SequenceSpool(marked.iterator(), limits)) {
        assertThat(spool.targets(0)).isEqualTo(4);
        assertThat(spool.targets(1)).isEqualTo(8);
        assertThat(spool.batch(0, 3, 1)[0]).containsExactly(-1, -4, 200);
      }
    }
  }

  @Test
  void refusesSlotsThatAreNotThere() {
    try (SequenceSpool spool = spool(8, 1 << 20)) {
      assertThatThrownBy(() -> spool.batch(2, 0, 1)).isInstanceOf(IndexOutOfBoundsException.class);
      assertThatThrownBy(() -> spool.batch(0, 2, 3)).isInstanceOf(IndexOutOfBoundsException.class);
    }
  }

  @Property(tries = 200)
  void aPermutationTakesEveryPlaceOnce(
      @ForAll @IntRange(min = 1, max = 300) int size, @ForAll long seed) {
    Permutation permutation = new Permutation(size, seed);
    assertThat(LongStream.range(0, size).map(permutation::apply).sorted())
        .containsExactlyElementsOf(LongStream.range(0, size).boxed().toList());
  }

  private SequenceSpool spool(int count, long memoryBytes) {
    return new SequenceSpool(
        sequences(count).iterator(), new SequenceSpool.Limits(2, 4, 9, memoryBytes, directory));
  }

  private static List<TokenSequence> sequences(int count) {
    List<TokenSequence> sequences = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      sequences.add(new TokenSequence(i, new int[] {i, 100, 200}));
    }
    return sequences;
  }

  private long files() throws IOException {
    try (Stream<Path> files = Files.list(directory)) {
      return files.count();
    }
  }
}
