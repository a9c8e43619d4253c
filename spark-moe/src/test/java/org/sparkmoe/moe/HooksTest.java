package org.sparkmoe.moe;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.Test;
import org.sparkmoe.topology.Topology;

class HooksTest {

  /** Multiplies by another number at each point, which is its own adjoint. */
  public static final class Scaling implements HookProvider {
    @Override
    public String name() {
      return "scaling";
    }

    @Override
    public String source() {
      return "test";
    }

    @Override
    public Hook create(ModuleContext context) {
      return new Scale();
    }

    private record Scale() implements Hook {
      @Override
      public Tensor forward(HookPoint point, Tensor value, HookContext context) {
        return value.mul(new Scalar(1 + 0.25 * point.ordinal()));
      }

      @Override
      public Tensor backward(HookPoint point, Tensor gradient, HookContext context) {
        return gradient.mul(new Scalar(1 + 0.25 * point.ordinal()));
      }
    }
  }

  /** Sends f32 in place of f64, as the paper's compression does with fewer bits. */
  public static final class Compression implements HookProvider {
    @Override
    public String name() {
      return "compression";
    }

    @Override
    public String source() {
      return "test";
    }

    @Override
    public Hook create(ModuleContext context) {
      return new Compress();
    }

    private record Compress() implements Hook {
      @Override
      public Tensor forward(HookPoint point, Tensor value, HookContext context) {
        return switch (point) {
          case BEFORE_DISPATCH, BEFORE_COMBINE -> value.to(ScalarType.Float);
          case AFTER_DISPATCH, AFTER_COMBINE -> value.to(ScalarType.Double);
          default -> value;
        };
      }

      @Override
      public Tensor backward(HookPoint point, Tensor gradient, HookContext context) {
        return switch (point) {
          case AFTER_DISPATCH, AFTER_COMBINE -> gradient.to(ScalarType.Float);
          case BEFORE_DISPATCH, BEFORE_COMBINE -> gradient.to(ScalarType.Double);
          default -> gradient;
        };
      }
    }
  }

  /** Writes down where it is called. */
  public static final class Listening implements HookProvider {
    static final Queue<String> CALLS = new ConcurrentLinkedQueue<>();

    @Override
    public String name() {
      return "listening";
    }

    @Override
    public String source() {
      return "test";
    }

    @Override
    public Hook create(ModuleContext context) {
      return new Listen();
    }

    private record Listen() implements Hook {
      @Override
      public Tensor forward(HookPoint point, Tensor value, HookContext context) {
        CALLS.add("%s %d/%d".formatted(point, context.chunk(), context.chunks()));
        return value;
      }

      @Override
      public Tensor backward(HookPoint point, Tensor gradient, HookContext context) {
        return gradient;
      }
    }
  }

  private static MoeRun.Setup setup(String... hooks) {
    return MoeRun.Setup.of(
        new MoeConfigBuilder().capacityFactor("*").hooks(hooks).expert("mixtral").build());
  }

  @Test
  void hooksScaleForwardAndTheirAdjointsScaleBackward() {
    MoeRun plain = MoeRun.of(setup());
    MoeRun hooked =
        MoeRun.of(
            setup(Scaling.class.getName(), Compression.class.getName())
                .on(new Topology(4, 2, 1, 2, 2))
                .by(() -> MoeExecution.sequential(2, 3)));
    double slope = MoeRunGradient.ofInput(setup(Scaling.class.getName()), 17);
    assertThat(hooked.inputGradient()[17])
        .isCloseTo(slope, org.assertj.core.data.Offset.offset(1e-5 * Math.abs(slope) + 1e-6));
    assertThat(MoeRun.difference(hooked.output(), plain.output())).isGreaterThan(0.1);
    MoeRun one = MoeRun.of(setup(Scaling.class.getName()));
    assertThat(MoeRun.difference(hooked.output(), one.output())).isLessThan(1e-6);
    assertThat(MoeRun.difference(hooked.inputGradient(), one.inputGradient())).isLessThan(1e-6);
  }

  @Test
  void innerPointsSeeEachChunkAndOuterOnesTheWhole() {
    Listening.CALLS.clear();
    MoeRun.of(setup(Listening.class.getName()).by(() -> MoeExecution.sequential(2, 1)));
    assertThat(Listening.CALLS)
        .containsExactlyInAnyOrder(
            "BEFORE_MOE_START 0/1",
            "BEFORE_DISPATCH 0/2",
            "BEFORE_DISPATCH 1/2",
            "AFTER_DISPATCH 0/2",
            "AFTER_DISPATCH 1/2",
            "BEFORE_COMBINE 0/2",
            "BEFORE_COMBINE 1/2",
            "AFTER_COMBINE 0/2",
            "AFTER_COMBINE 1/2",
            "BEFORE_MOE_END 0/1");
    assertThat(Listening.CALLS).startsWith("BEFORE_MOE_START 0/1").endsWith("BEFORE_MOE_END 0/1");
  }

  @Test
  void anUnknownHookIsRefused() {
    assertThatThrownBy(() -> MoeRun.of(setup("org.sparkmoe.NoSuchHook")))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("moe.hooks is 'org.sparkmoe.NoSuchHook'")
        .hasMessageContaining("public constructor without arguments");
  }
}
