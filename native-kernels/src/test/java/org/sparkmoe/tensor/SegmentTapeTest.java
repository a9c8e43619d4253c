package org.sparkmoe.tensor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class SegmentTapeTest {
  private final TensorScope scope = TensorScope.open();
  private final SegmentTape tape = new SegmentTape();
  private final Tensor weight = doubles(2, 3, 4).set_requires_grad(true);

  @AfterEach
  void free() {
    scope.close();
  }

  @Test
  void aChainOfSegmentsGivesTheGradientOfTheWhole() {
    Tensor x = doubles(1, 2, 3);
    Tensor scaled = tape.compute(x, in -> in.mul(weight));
    Tensor loss = tape.compute(scaled, in -> in.mul(in).sum());
    assertThat(loss.item_double()).isEqualTo(4 + 36 + 144);
    assertThat(scaled.requires_grad()).isFalse();

    tape.backward(loss, torch.ones_like(loss));

    assertThat(values(weight.grad())).containsExactly(4, 24, 72);
  }

  @Test
  void aValueUsedTwiceCollectsBothGradients() {
    Tensor shared = tape.compute(doubles(1, 1, 1), in -> in.mul(weight));
    Tensor twice = tape.compute(shared, in -> in.mul(new Scalar(2.0)));
    Tensor sum =
        tape.compute(new Tensor[] {shared, twice}, in -> new Tensor[] {in[0].mul(in[1]).sum()})[0];

    tape.backward(sum, torch.ones_like(sum));

    assertThat(values(weight.grad())).containsExactly(8, 12, 16);
  }

  @Test
  void outputsSharePartOfTheirHistory() {
    Tensor shared = tape.compute(doubles(1, 1, 1), in -> in.mul(weight));
    Tensor first = tape.compute(shared, in -> in.sum());
    Tensor second = tape.compute(shared, in -> in.mul(in).sum());

    tape.backward(
        new Tensor[] {first, second},
        new Tensor[] {torch.ones_like(first), torch.ones_like(second).mul(new Scalar(10.0))});

    assertThat(values(weight.grad())).containsExactly(41, 61, 81);
  }

  @Test
  void outputsThatNothingFlowsBackToCountAsZero() {
    Tensor[] both =
        tape.compute(
            new Tensor[] {doubles(1, 2, 3)},
            in -> new Tensor[] {in[0].mul(weight), in[0].add(weight)});
    Tensor unused = tape.compute(both[1], in -> in.mul(weight));
    assertThat(values(unused)).containsExactly(6, 15, 28);
    Tensor loss = tape.compute(both[0], in -> in.sum());

    tape.backward(loss, torch.ones_like(loss));

    assertThat(values(weight.grad())).containsExactly(1, 2, 3);
  }

  @Test
  void integersArePassedOnButNotDifferentiated() {
    Tensor indices = torch.arange(new Scalar(3)).remainder(new Scalar(2)).to(ScalarType.Long);
    Tensor[] picked =
        tape.compute(
            new Tensor[] {indices, doubles(1, 1, 1)},
            in -> new Tensor[] {weight.index_select(0, in[0]).mul(in[1]), in[0]});
    assertThat(picked[1].equal(indices)).isTrue();
    Tensor loss = tape.compute(picked[0], in -> in.sum());

    tape.backward(loss, torch.ones_like(loss));

    assertThat(values(weight.grad())).containsExactly(2, 1, 0);
  }

  @Test
  void recordedAdjointsRunInReverseAndOnlyWhereAGradientArrives() {
    List<String> order = new ArrayList<>();
    Tensor x = tape.compute(doubles(1, 1, 1), in -> in.mul(weight));
    Tensor tripled = recorded("tripled", x, 3, order);
    Tensor unused = recorded("unused", x, 5, order);
    Tensor loss = recorded("loss", tripled, 7, order);
    assertThat(values(unused)).containsExactly(10, 15, 20);

    tape.backward(loss, doubles(1, 10, 100));

    assertThat(order).containsExactly("loss", "tripled");
    assertThat(values(weight.grad())).containsExactly(21, 210, 2100);
  }

  private Tensor recorded(String name, Tensor input, double factor, List<String> order) {
    Tensor[] output = {input.mul(new Scalar(factor))};
    return tape.record(
            new Tensor[] {input},
            output,
            gradients -> {
              order.add(name);
              return new Tensor[] {gradients[0].mul(new Scalar(factor))};
            })[0];
  }

  @Test
  void anInputWithoutAGradientEndsTheWayBack() {
    Tensor x = tape.compute(doubles(1, 1, 1), in -> in.mul(weight));
    Tensor[] output = {x.round()};
    Tensor cut = tape.record(new Tensor[] {x}, output, gradients -> new Tensor[] {null})[0];
    Tensor loss = tape.compute(cut, in -> in.sum());

    tape.backward(loss, torch.ones_like(loss));

    assertThat(weight.grad().defined()).isFalse();
  }

  @Test
  void backwardConsumesTheRecord() {
    Tensor loss = tape.compute(doubles(1, 2, 3), in -> in.mul(weight).sum());
    tape.backward(loss, torch.ones_like(loss));
    tape.backward(loss, torch.ones_like(loss));
    assertThat(values(weight.grad())).containsExactly(1, 2, 3);
  }

  @Test
  void aStepLeavesNoNativeObjectsBehind() {
    step();
    NativeGarbage.awaitGone();
    long before = Pointer.totalCount();
    step();
    assertThat(Pointer.totalCount()).isLessThanOrEqualTo(before);
  }

  private void step() {
    try (TensorScope step = TensorScope.open()) {
      SegmentTape own = new SegmentTape();
      Tensor y = own.compute(torch.ones(3).to(ScalarType.Double), in -> in.mul(weight).exp());
      own.backward(y, torch.ones_like(y));
    }
  }

  @Test
  void aPartRunsAgainForItsBackwardAndGivesTheSameGradients() {
    Tensor weight = torch.randn(3, 3).to(torch.ScalarType.Double);
    weight.set_requires_grad(true);
    Tensor input = torch.randn(4, 3).to(torch.ScalarType.Double);
    List<String> runs = new ArrayList<>();
    SegmentTape.Part part =
        (tape, in) -> {
          runs.add(tape.isAgain() ? "again" : "first");
          Tensor hidden = tape.compute(in[0], x -> x.matmul(weight).tanh());
          return new Tensor[] {tape.compute(hidden, torch::sigmoid), hidden};
        };

    SegmentTape kept = new SegmentTape();
    Tensor[] expected = part.run(kept, new Tensor[] {input});
    kept.backward(expected[0], torch.ones_like(expected[0]));
    Tensor gradient = weight.grad().clone();
    weight.mutable_grad().reset();
    runs.clear();

    SegmentTape tape = new SegmentTape();
    Tensor[] results = tape.recompute(new Tensor[] {input}, part);
    assertThat(runs).containsExactly("first");
    tape.backward(results[0], torch.ones_like(results[0]));

    assertThat(runs).containsExactly("first", "again");
    assertThat(results[0].equal(expected[0])).isTrue();
    assertThat(weight.grad().equal(gradient)).isTrue();
    SegmentTape.withoutHistory().recompute(new Tensor[] {input}, part);
    assertThat(runs).containsExactly("first", "again", "first");
  }

  @Test
  void withoutHistoryNothingIsTrackedAndBackwardIsRefused() {
    SegmentTape evaluation = SegmentTape.withoutHistory();
    Tensor scaled = evaluation.compute(doubles(1, 2, 3), in -> in.mul(weight));
    assertThat(values(scaled)).containsExactly(2, 6, 12);
    assertThat(scaled.requires_grad()).isFalse();
    assertThatThrownBy(() -> evaluation.backward(scaled, scaled))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("new SegmentTape()");
  }

  private static Tensor doubles(double... values) {
    Tensor tensor = torch.empty(values.length).to(ScalarType.Double);
    for (int i = 0; i < values.length; i++) {
      tensor.get(i).fill_(new Scalar(values[i]));
    }
    return tensor;
  }

  private static double[] values(Tensor tensor) {
    double[] values = new double[(int) tensor.numel()];
    for (int i = 0; i < values.length; i++) {
      values[i] = tensor.get(i).item_double();
    }
    return values;
  }
}
