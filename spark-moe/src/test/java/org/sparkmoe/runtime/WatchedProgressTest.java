package org.sparkmoe.runtime;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

class WatchedProgressTest {

  @Test
  void passesOnWhateverAListenerMayHear() {
    assertThat(WatchedProgress.class.getDeclaredMethods())
        .extracting(Method::getName)
        .containsAll(
            Arrays.stream(ProgressListener.class.getMethods())
                .filter(method -> !Modifier.isStatic(method.getModifiers()))
                .map(Method::getName)
                .toList());
  }
}
