package org.sparkmoe.collective;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeUnit;
import java.util.function.IntFunction;
import org.jspecify.annotations.Nullable;

/** Runs one thread for each rank. */
final class Ranks {
  private Ranks() {}

  /** The results of {@code body} in rank order; fails with the first rank's failure. */
  static <T> List<T> run(int size, IntFunction<T> body) {
    return start(size, body).stream()
        .map(result -> result.orTimeout(60, TimeUnit.SECONDS).join())
        .toList();
  }

  /** The failure of each rank, all of which must fail within {@code limit}. */
  static List<Throwable> failures(int size, Duration limit, IntFunction<@Nullable Object> body) {
    List<Throwable> failures = new ArrayList<>();
    for (CompletableFuture<?> result : start(size, body)) {
      Throwable failure =
          result
              .orTimeout(limit.toMillis(), TimeUnit.MILLISECONDS)
              .handle((value, thrown) -> thrown)
              .join();
      assertThat(failure).as("every rank must fail").isNotNull();
      failures.add(failure instanceof CompletionException e ? e.getCause() : failure);
    }
    return failures;
  }

  private static <T> List<CompletableFuture<T>> start(int size, IntFunction<T> body) {
    List<CompletableFuture<T>> results = new ArrayList<>();
    for (int rank = 0; rank < size; rank++) {
      int r = rank;
      results.add(
          CompletableFuture.supplyAsync(
              () -> body.apply(r),
              task -> {
                Thread thread = new Thread(task, "rank-" + r);
                thread.setDaemon(true);
                thread.start();
              }));
    }
    return results;
  }
}
