package org.sparkmoe.tensor;

import static org.assertj.core.api.Assertions.assertThat;

import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class NativeMemoryTest {
  /** What the JVM may take by malloc meanwhile, for compiled code and the like. */
  private static final long NOISE = 8 << 20;

  private static final long TENSOR = 32L << 20;

  @BeforeAll
  static void oneThread() {
    torch.set_num_threads(1);
  }

  @BeforeEach
  void garbageOfEarlierTestsIsGone() {
    NativeGarbage.awaitGone();
  }

  @Test
  void aLoopOfStepsReturnsToItsStartValue() {
    Parameter parameter =
        ParameterInitializer.cpu(1, Precision.F32)
            .normal(ParameterBox.whole("w", true, 64, 64), 0.1);
    step(parameter);
    NativeMemory before = NativeMemory.now();
    for (int i = 0; i < 10; i++) {
      step(parameter);
    }
    NativeMemory grown = NativeMemory.now().since(before);
    assertThat(grown.handles()).isZero();
    if (NativeLibrary.problem().isEmpty()) {
      // Resident memory, which stands in for it, moves with the Java heap.
      assertThat(grown.bytes()).isBetween(-NOISE, NOISE);
    }
    TensorScope.release(parameter.value());
  }

  @Test
  void aTensorThatIsHeldIsSeen() {
    NativeMemory before = NativeMemory.now();
    Tensor held = torch.ones(TENSOR / 4);
    NativeMemory grown = NativeMemory.now().since(before);
    TensorScope.release(held);
    assertThat(grown.handles()).isPositive();
    assertThat(grown.bytes()).isBetween(TENSOR - NOISE, TENSOR + NOISE);
  }

  @Test
  void withoutTheLibraryTheKernelIsAsked() {
    assertThat(NativeMemory.residentBytes()).isGreaterThan(1 << 20);
  }

  /** Under autograd, with a megabyte in each activation. */
  private static void step(Parameter parameter) {
    try (TensorScope scope = TensorScope.open()) {
      SegmentTape tape = new SegmentTape();
      Tensor input = torch.randn(4_000, 64);
      Tensor output =
          tape.compute(input, x -> x.matmul(parameter.value()).relu().matmul(parameter.value()));
      tape.backward(output, torch.ones_like(output));
      parameter.clearGradient();
    }
  }
}
