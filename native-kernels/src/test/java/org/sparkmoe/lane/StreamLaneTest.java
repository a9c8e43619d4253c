package org.sparkmoe.lane;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(20)
class StreamLaneTest {
  private final FakeGpu gpu = new FakeGpu();
  private final List<String> log = Collections.synchronizedList(new ArrayList<>());

  private StreamLane lane(String name) {
    return new StreamLane(name, gpu, Gpu.Priority.NORMAL);
  }

  private Runnable kernel(String name) {
    return () -> gpu.launch(() -> log.add(name));
  }

  @Test
  void submittingDoesNotWaitForTheGpu() throws InterruptedException {
    CountDownLatch gate = new CountDownLatch(1);
    try (StreamLane compute = lane("compute");
        StreamLane communication = lane("communication")) {
      Event first = compute.submit(() -> gpu.launch(() -> await(gate)), List.of());
      Event second = communication.submit(kernel("after"), List.of(first));
      Event third = compute.submit(kernel("last"), List.of(second));
      assertThat(((GpuEvent) third).reached()).isFalse();
      assertThat(log).isEmpty();
      gate.countDown();
      third.await();
      assertThat(log).containsExactly("after", "last");
    }
  }

  @Test
  void aTaskRunsAfterTheEventsOfOtherLanes() {
    try (StreamLane a = lane("a");
        StreamLane b = lane("b");
        CpuLane host = new CpuLane("host")) {
      Event onHost = host.submit(() -> log.add("host"), List.of());
      Event first = a.submit(kernel("first"), List.of(onHost));
      b.submit(kernel("second"), List.of(first)).await();
      assertThat(log).containsExactly("host", "first", "second");
    }
  }

  @Test
  void aFailureWhileIssuingPassesToDependentsAndTheLaneGoesOn() {
    try (StreamLane lane = lane("compute")) {
      IllegalArgumentException cause = new IllegalArgumentException("bad shape");
      Event failed =
          lane.submit(
              () -> {
                throw cause;
              },
              List.of());
      Event dependent = lane.submit(kernel("never"), List.of(failed));
      Event next = lane.submit(kernel("next"), List.of());
      assertThatThrownBy(failed::await).isSameAs(cause);
      assertThatThrownBy(dependent::await).isSameAs(cause);
      next.await();
      assertThat(log).containsExactly("next");
    }
  }

  @Test
  void aClosedLaneRefusesTasksAndHasRunWhatItTook() {
    StreamLane lane = lane("compute");
    lane.submit(kernel("taken"), List.of());
    lane.close();
    assertThat(log).containsExactly("taken");
    assertThatThrownBy(() -> lane.submit(kernel("late"), List.of()))
        .isInstanceOf(IllegalStateException.class)
        .hasMessage("lane compute is closed");
  }

  private static void await(CountDownLatch gate) {
    try {
      gate.await();
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }
}
