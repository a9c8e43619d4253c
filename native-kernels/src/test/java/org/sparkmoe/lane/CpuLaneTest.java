package org.sparkmoe.lane;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CountDownLatch;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class CpuLaneTest {
  private final Lane compute = new CpuLane("compute");
  private final Lane network = new CpuLane("network");

  @AfterEach
  void close() {
    compute.close();
    network.close();
  }

  @Test
  void aLaneKeepsTheOrderOfSubmission() {
    List<Integer> order = Collections.synchronizedList(new ArrayList<>());
    List<Event> events =
        IntStream.range(0, 100)
            .mapToObj(i -> compute.submit(() -> order.add(i), List.of()))
            .toList();
    events.get(99).await();
    assertThat(order).isEqualTo(IntStream.range(0, 100).boxed().toList());
  }

  @Test
  void aTaskBeginsAfterTheEventsItNames() {
    List<String> order = Collections.synchronizedList(new ArrayList<>());
    CountDownLatch submitted = new CountDownLatch(1);
    Event dispatch =
        network.submit(
            () -> {
              await(submitted);
              order.add("dispatch");
            },
            List.of());
    Event expert = compute.submit(() -> order.add("expert"), List.of(dispatch));
    Event combine = network.submit(() -> order.add("combine"), List.of(expert));
    submitted.countDown();
    combine.await();
    assertThat(order).containsExactly("dispatch", "expert", "combine");
  }

  @Test
  void aFailureSurfacesAtEveryWaitAndOnDependentTasksButTheLaneGoesOn() {
    IllegalStateException failure = new IllegalStateException("no route");
    Event failed =
        network.submit(
            () -> {
              throw failure;
            },
            List.of());
    List<String> ran = Collections.synchronizedList(new ArrayList<>());
    Event dependent = compute.submit(() -> ran.add("dependent"), List.of(failed));
    Event next = network.submit(() -> ran.add("next"), List.of());
    next.await();
    assertThatThrownBy(failed::await).isSameAs(failure);
    assertThatThrownBy(failed::await).isSameAs(failure);
    assertThatThrownBy(dependent::await).isSameAs(failure);
    assertThat(ran).containsExactly("next");
  }

  @Test
  void closingCancelsWhatHasNotBegun() {
    CountDownLatch begun = new CountDownLatch(1);
    Event running =
        compute.submit(
            () -> {
              begun.countDown();
              await(new CountDownLatch(1));
            },
            List.of());
    Event queued = compute.submit(() -> {}, List.of());
    await(begun);
    compute.close();
    assertThatThrownBy(queued::await).isInstanceOf(CancellationException.class);
    assertThatThrownBy(running::await).hasRootCauseInstanceOf(InterruptedException.class);
    assertThatThrownBy(() -> compute.submit(() -> {}, List.of()))
        .isInstanceOf(IllegalStateException.class)
        .hasMessage("lane compute is closed");
  }

  private static void await(CountDownLatch latch) {
    try {
      latch.await();
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }
}
