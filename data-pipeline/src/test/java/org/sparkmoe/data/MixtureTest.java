package org.sparkmoe.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.TreeMap;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;

class MixtureTest {

  @Provide
  Arbitrary<List<Mixture.Share>> shares() {
    return Combinators.combine(
            Arbitraries.longs().between(1, 40), Arbitraries.doubles().between(0.01, 100))
        .as(Mixture.Share::new)
        .list()
        .ofMinSize(1)
        .ofMaxSize(5);
  }

  @Property(tries = 200)
  void everyPlaceHoldsExactlyOneSequence(
      @ForAll("shares") List<Mixture.Share> shares, @ForAll long seed) {
    Mixture mixture = new Mixture(shares, seed);
    assertThat(order(mixture, 300)).hasSize(300);
  }

  @Property(tries = 200)
  void theProportionIsThatOfTheWeightsUpToAConstant(@ForAll("shares") List<Mixture.Share> shares) {
    Mixture mixture = new Mixture(shares, 1);
    double sum = shares.stream().mapToDouble(Mixture.Share::weight).sum();
    for (long places : new long[] {0, 1, 2, 17, 1000, 1_000_000}) {
      long[] drawn = mixture.drawn(places);
      assertThat(Arrays.stream(drawn).sum()).isEqualTo(places);
      for (int source = 0; source < drawn.length; source++) {
        double weight = shares.get(source).weight() / sum;
        double bound = (1 + weight * drawn.length) / 2 + 0.01;
        assertThat(Math.abs(drawn[source] - weight * places)).isLessThanOrEqualTo(bound);
      }
    }
  }

  @Property(tries = 100)
  void aSourceIsDrawnFromWholeEpochs(@ForAll("shares") List<Mixture.Share> shares) {
    Mixture mixture = new Mixture(shares, 5);
    TreeMap<Long, Long> order = order(mixture, 400);
    long start = 0;
    for (Mixture.Share share : shares) {
      long first = start;
      long end = start + share.sequences();
      List<Long> ofSource = order.values().stream().filter(s -> s >= first && s < end).toList();
      int size = (int) share.sequences();
      for (int epoch = 0; epoch + size <= ofSource.size(); epoch += size) {
        assertThat(ofSource.subList(epoch, epoch + size)).doesNotHaveDuplicates();
      }
      start = end;
    }
  }

  @Property(tries = 100)
  void theCycleEndsWhenEverySequenceWasThere(@ForAll("shares") List<Mixture.Share> shares) {
    Mixture mixture = new Mixture(shares, 2);
    long cycle = Math.min(mixture.cycle(), 20_000);
    long[] drawn = mixture.drawn(cycle);
    boolean whole = cycle == mixture.cycle();
    List<Boolean> complete = new ArrayList<>();
    for (int source = 0; source < drawn.length; source++) {
      complete.add(drawn[source] >= shares.get(source).sequences());
    }
    assertThat(complete.contains(false)).isEqualTo(!whole);
    long[] before = mixture.drawn(mixture.cycle() - 1);
    assertThat(before).isNotEqualTo(mixture.drawn(mixture.cycle()));
  }

  @Example
  void threeToOneIsExactlyThatInEveryFour() {
    Mixture mixture = new Mixture(List.of(share(100, 3), share(100, 1)), 1);
    assertThat(mixture.drawn(4)).containsExactly(3, 1);
    assertThat(mixture.drawn(4_000_000_000L)).containsExactly(3_000_000_000L, 1_000_000_000L);
  }

  @Example
  void oneSourceAloneIsThePermutationOfItsSeed() {
    TreeMap<Long, Long> order = order(Mixture.of(50, 9), 50);
    Permutation permutation = new Permutation(50, 9);
    order.forEach((place, sequence) -> assertThat(permutation.apply(sequence)).isEqualTo(place));
  }

  @Example
  void epochsAndSourcesHaveOrdersOfTheirOwn() {
    TreeMap<Long, Long> order = order(new Mixture(List.of(share(30, 1), share(30, 1)), 4), 120);
    List<Long> first = order.values().stream().filter(sequence -> sequence < 30).toList();
    List<Long> second =
        order.values().stream().filter(sequence -> sequence >= 30).map(s -> s - 30).toList();
    assertThat(first.subList(0, 30)).isNotEqualTo(first.subList(30, 60));
    assertThat(first.subList(0, 30)).isNotEqualTo(second.subList(0, 30));
  }

  @Example
  void aSourceWithoutSequencesOrWeightIsRefused() {
    assertThatThrownBy(() -> new Mixture(List.of(share(0, 1)), 1))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("each with sequences and a weight above 0");
    assertThatThrownBy(() -> new Mixture(List.of(share(1, 0)), 1))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> new Mixture(List.of(), 1))
        .isInstanceOf(IllegalArgumentException.class);
  }

  private static Mixture.Share share(long sequences, double weight) {
    return new Mixture.Share(sequences, weight);
  }

  /** Sequence by place; fails if a place is taken twice. */
  private static TreeMap<Long, Long> order(Mixture mixture, long places) {
    TreeMap<Long, Long> order = new TreeMap<>();
    for (long sequence = 0; sequence < mixture.sequences(); sequence++) {
      long current = sequence;
      mixture.places(
          sequence, places, place -> assertThat(order.put(place, current)).as("" + place).isNull());
    }
    return order;
  }
}
