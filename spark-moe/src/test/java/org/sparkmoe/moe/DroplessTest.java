package org.sparkmoe.moe;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicLong;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.sparkmoe.kernel.RoutingKernels;
import org.sparkmoe.tensor.Parameter;
import org.sparkmoe.topology.RankGroups;
import org.sparkmoe.topology.Topology;

/** If no token is dropped, only tokens travel. */
class DroplessTest {
  private static final Topology EP = new Topology(4, 2, 1, 4, 1);
  private static final Topology EP_AND_ESP = new Topology(4, 2, 1, 2, 2);
  private static final Map<String, Topology> LAYOUTS = new LinkedHashMap<>();

  static {
    LAYOUTS.put("EP=4", EP);
    LAYOUTS.put("ESP=4", new Topology(4, 4, 1, 1, 4));
    LAYOUTS.put("EP=2·ESP=2", EP_AND_ESP);
    LAYOUTS.put("EDP=2·EP=2", new Topology(4, 2, 1, 2, 1));
  }

  /** Sends as {@code direct} does, and counts the elements that leave a rank. */
  public static final class Counting implements DispatchProvider {
    static final AtomicLong ELEMENTS = new AtomicLong();

    @Override
    public String name() {
      return "counting";
    }

    @Override
    public String source() {
      return "test";
    }

    @Override
    public Dispatch create(RankGroups groups) {
      Dispatch direct =
          Modules.find(DispatchProvider.class, "moe.dispatch", "direct").create(groups);
      return new Dispatch() {
        @Override
        public void exchange(Tensor output, Tensor input) {
          ELEMENTS.addAndGet(input.numel() / groups.ep().size() * (groups.ep().size() - 1));
          direct.exchange(output, input);
        }

        @Override
        public void exchange(Tensor output, Tensor input, long[] outputRows, long[] inputRows) {
          long others = Arrays.stream(inputRows).sum() - inputRows[groups.ep().rank()];
          ELEMENTS.addAndGet(others * input.numel() / Math.max(1, input.size(0)));
          direct.exchange(output, input, outputRows, inputRows);
        }
      };
    }
  }

  /** As {@link NotTheFirstSix}, with places of its own, every other of which is in use. */
  public static final class WithGaps implements GateProvider {
    @Override
    public String name() {
      return "with-gaps";
    }

    @Override
    public String source() {
      return "test";
    }

    @Override
    public Gate create(ModuleContext context) {
      Gate packed = new NotTheFirstSix().create(context);
      return new Gate() {
        @Override
        public List<Parameter> parameters() {
          return List.of();
        }

        @Override
        public GateDecision route(Tensor tokensSM, GateStep step) {
          GateDecision decision = packed.route(tokensSM, step);
          Tensor chosen = decision.chosenSK();
          Tensor positions =
              RoutingKernels.best().capacityPositions(chosen, step.config().experts(), false);
          long capacity = 2 * step.tokens();
          Tensor places = chosen.mul(new Scalar(capacity)).add(positions.mul(new Scalar(2L)));
          Tensor slots = torch.where(chosen.ge(new Scalar(0)), places, new Scalar(-1L));
          Tensor weights = decision.routing().differentiable()[0];
          return GateDecision.of(
              new SparseRouting(slots, weights, capacity),
              decision.logitsSE(),
              decision.probabilitiesSE(),
              chosen,
              null);
        }
      };
    }
  }

  /** Sends every token to the expert of its largest feature; the first six to none. */
  public static final class NotTheFirstSix implements GateProvider {
    @Override
    public String name() {
      return "not-the-first-six";
    }

    @Override
    public String source() {
      return "test";
    }

    @Override
    public Gate create(ModuleContext context) {
      return new Gate() {
        @Override
        public List<Parameter> parameters() {
          return List.of();
        }

        @Override
        public GateDecision route(Tensor tokensSM, GateStep step) {
          Tensor p = torch.softmax(tokensSM.narrow(1, 0, step.config().experts()), 1);
          Tensor position =
              torch
                  .arange(new Scalar(step.tokens()), p.argmax().options())
                  .add(new Scalar(step.context().firstToken()))
                  .unsqueeze(1);
          Tensor best = p.detach().argmax(new org.bytedeco.pytorch.LongOptional(1), true);
          Tensor chosen = torch.where(position.lt(new Scalar(6)), new Scalar(-1L), best);
          Slots slots = step.assign(chosen, p, false);
          Tensor weights = p.gather(1, best);
          return GateDecision.of(slots.routing(weights), p, p, chosen, null);
        }
      };
    }
  }

  private static MoeRun.Setup setup(MoeConfigBuilder config) {
    return MoeRun.Setup.of(config.capacityFactor("*").zLoss(1e-3).build());
  }

  @ParameterizedTest
  @CsvSource({"gpt, 1, 1", "mixtral, 2, 3", "gpt, 4, 2"})
  void everyLayoutAndDegreeEqualsOneRankThatPads(String expert, int forward, int backward) {
    // With f = E/k an expert has a place for each token.
    MoeConfig padding =
        new MoeConfigBuilder().expert(expert).capacityFactor("2").zLoss(1e-3).build();
    MoeRun one = MoeRun.of(MoeRun.Setup.of(padding));
    assertThat(one.stats().droppedShare()).isZero();
    MoeRun.Setup dropless =
        setup(new MoeConfigBuilder().expert(expert))
            .by(() -> MoeExecution.sequential(forward, backward));
    LayoutsTest.assertEqual("one", MoeRun.of(dropless), one, 1e-12);
    LAYOUTS.forEach(
        (name, layout) ->
            LayoutsTest.assertEqual(name, MoeRun.of(dropless.on(layout)), one, 1e-12));
  }

  @ParameterizedTest
  @CsvSource({"gpt, 1", "mixtral, 1", "mixtral, 2"})
  void groupedProductsComputeWhatSingleOnesDo(String expert, int degree) {
    MoeRun one = MoeRun.of(setup(new MoeConfigBuilder().expert(expert)));
    MoeRun.Setup grouped =
        setup(new MoeConfigBuilder().expert(expert).products("grouped"))
            .by(() -> MoeExecution.sequential(degree, degree));
    LayoutsTest.assertEqual("one", MoeRun.of(grouped), one, 1e-12);
    LAYOUTS.forEach(
        (name, layout) -> LayoutsTest.assertEqual(name, MoeRun.of(grouped.on(layout)), one, 1e-12));
  }

  @ParameterizedTest
  @ValueSource(strings = {"gpt", "mixtral"})
  void groupedProductsOfExpertsAndRanksWithoutAnyToken(String expert) {
    MoeConfigBuilder config = new MoeConfigBuilder().expert(expert).topK(1).auxLoss(0);
    MoeRun one = MoeRun.of(setup(config), DroplessTest::allToExpertZero);
    MoeRun.Setup grouped = setup(config.products("grouped"));
    LayoutsTest.assertEqual("one", MoeRun.of(grouped, DroplessTest::allToExpertZero), one, 1e-12);
    LAYOUTS.forEach(
        (name, layout) ->
            LayoutsTest.assertEqual(
                name, MoeRun.of(grouped.on(layout), DroplessTest::allToExpertZero), one, 1e-12));
  }

  /** Rows at the end of the buffer are then no expert's. */
  @ParameterizedTest
  @CsvSource({"gpt, sparse", "gpt, einsum", "mixtral, sparse", "mixtral, einsum"})
  void groupedProductsWhereAssignmentsAreSkipped(String expert, String order) {
    MoeConfigBuilder config =
        new MoeConfigBuilder()
            .gate(NotTheFirstSix.class.getName())
            .gateOptions(Map.of())
            .expert(expert)
            .order(order)
            .auxLoss(0)
            .topK(1);
    MoeRun one = MoeRun.of(setup(config));
    assertThat(Arrays.stream(one.stats().tokensPerExpert()).sum()).isEqualTo(18);
    MoeRun.Setup grouped = setup(config.products("grouped"));
    LayoutsTest.assertEqual("one", MoeRun.of(grouped), one, 1e-12);
    LAYOUTS.forEach(
        (name, layout) -> LayoutsTest.assertEqual(name, MoeRun.of(grouped.on(layout)), one, 1e-12));
  }

  @ParameterizedTest
  @ValueSource(strings = {"one-by-one", "grouped"})
  void gatesMayNamePlacesWithGaps(String products) {
    MoeConfigBuilder config =
        new MoeConfigBuilder().gateOptions(Map.of()).auxLoss(0).topK(1).products(products);
    MoeRun packed = MoeRun.of(setup(config.gate(NotTheFirstSix.class.getName())));
    MoeRun.Setup gaps = setup(config.gate(WithGaps.class.getName()));
    LayoutsTest.assertEqual("one", MoeRun.of(gaps), packed, 1e-12);
    LAYOUTS.forEach(
        (name, layout) -> LayoutsTest.assertEqual(name, MoeRun.of(gaps.on(layout)), packed, 1e-12));
  }

  @Test
  void expertsThatOnlyWorkTogetherAreFilledUpWhereTheyAre() {
    MoeRun one = MoeRun.of(setup(new MoeConfigBuilder().expert("mixtral")));
    MoeRun.Setup together =
        setup(new MoeConfigBuilder().expert(ExpertsTest.PlainSwiglu.class.getName()))
            .by(() -> MoeExecution.sequential(3, 2));
    LayoutsTest.assertEqual("one", MoeRun.of(together), one, 1e-12);
    LAYOUTS.forEach(
        (name, layout) ->
            LayoutsTest.assertEqual(name, MoeRun.of(together.on(layout)), one, 1e-12));
  }

  @ParameterizedTest
  @ValueSource(strings = {"sparse", "einsum"})
  void ranksWithoutAnyTokenTakePartInEveryCollective(String order) {
    MoeRun.Setup setup =
        setup(
                new MoeConfigBuilder()
                    .gate(NotTheFirstSix.class.getName())
                    .gateOptions(Map.of())
                    .order(order)
                    .auxLoss(0)
                    .topK(1))
            .by(() -> MoeExecution.sequential(2, 2));
    MoeRun one = MoeRun.of(setup);
    assertThat(Arrays.stream(one.stats().tokensPerExpert()).sum()).isEqualTo(18);
    assertThat(Arrays.copyOf(one.output(), 6 * 8)).containsOnly(0);
    LAYOUTS.forEach(
        (name, layout) -> LayoutsTest.assertEqual(name, MoeRun.of(setup.on(layout)), one, 1e-12));
  }

  @Test
  void allTokensToOneExpert() {
    MoeRun.Setup setup =
        setup(new MoeConfigBuilder().topK(1).auxLoss(0)).by(() -> MoeExecution.sequential(1, 3));
    MoeRun one = MoeRun.of(setup, DroplessTest::allToExpertZero);
    assertThat(one.stats().tokensPerExpert()).containsExactly(24, 0, 0, 0);
    LAYOUTS.forEach(
        (name, layout) ->
            LayoutsTest.assertEqual(
                name, MoeRun.of(setup.on(layout), DroplessTest::allToExpertZero), one, 1e-12));
  }

  @Test
  void allTokensToOneExpertAreFarLessTrafficThanPadding() {
    long tokens = sentElements("*");
    long padded = sentElements("8");
    // 18 of 24 tokens live elsewhere; there and back, forward and backward; and counts.
    assertThat(tokens).isEqualTo(4 * 18 * 8 + 4 * 3 * 2);
    // 6 places of each of 8 experts for each rank's 6 tokens.
    assertThat(padded).isEqualTo(4 * 4 * 6 * 6 * 8);
  }

  private static long sentElements(String capacity) {
    Counting.ELEMENTS.set(0);
    MoeConfig config =
        new MoeConfigBuilder()
            .experts(8)
            .topK(1)
            .capacityFactor(capacity)
            .dispatch(Counting.class.getName())
            .build();
    MoeRun run = MoeRun.of(MoeRun.Setup.of(config).on(EP), DroplessTest::allToExpertZero);
    assertThat(run.stats().droppedShare()).isZero();
    return Counting.ELEMENTS.get();
  }

  @ParameterizedTest
  @ValueSource(strings = {"1dh", "2dh"})
  void dispatchesInTwoLevelsGiveTheBitsOfTheDirectOne(String dispatch) {
    for (String capacity : List.of("*", "1")) {
      MoeConfigBuilder config = new MoeConfigBuilder().capacityFactor(capacity);
      MoeRun.Setup direct =
          MoeRun.Setup.of(config.build()).on(EP).by(() -> MoeExecution.sequential(2, 1));
      MoeRun expected = MoeRun.of(direct);
      MoeRun actual =
          MoeRun.of(
              MoeRun.Setup.of(config.dispatch(dispatch).build())
                  .on(EP)
                  .by(() -> MoeExecution.sequential(2, 1)));
      assertThat(actual.output()).isEqualTo(expected.output());
      assertThat(actual.inputGradient()).isEqualTo(expected.inputGradient());
    }
  }

  @Test
  void hooksCompressRaggedChunks() {
    MoeRun.Setup setup =
        setup(new MoeConfigBuilder().hooks("compress-int8"))
            .by(() -> MoeExecution.sequential(3, 2));
    MoeRun one = MoeRun.of(setup);
    MoeRun four = MoeRun.of(setup.on(EP));
    assertThat(MoeRun.difference(four.output(), one.output())).isLessThan(1e-12);
    assertThat(MoeRun.difference(four.inputGradient(), one.inputGradient())).isLessThan(1e-12);
  }

  @Test
  void lanesGiveTheBitsOfTheSequentialSchedule() {
    MoeRun.Setup setup =
        setup(new MoeConfigBuilder()).on(EP_AND_ESP).by(() -> MoeExecution.sequential(2, 4));
    MoeRun sequential = MoeRun.of(setup);
    MoeRun overlapped =
        MoeRun.of(setup.by(() -> new LayoutsTest.OnLanes(MoeExecution.sequential(2, 4))));
    assertThat(overlapped.output()).isEqualTo(sequential.output());
    assertThat(overlapped.inputGradient()).isEqualTo(sequential.inputGradient());
  }

  /** All tokens point the same way, and the gate's first expert with them. */
  private static void allToExpertZero(MoeLayer layer, Tensor tokensSM) {
    tokensSM.abs_();
    layer.parameters().stream()
        .filter(parameter -> parameter.name().endsWith("gate.weight"))
        .forEach(
            parameter -> {
              Tensor weight = parameter.value().detach();
              weight.zero_();
              weight.narrow(1, 0, 1).fill_(new Scalar(1));
            });
  }
}
