package org.sparkmoe.example;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Test;
import org.sparkmoe.moe.Gate;
import org.sparkmoe.moe.GateDecision;
import org.sparkmoe.moe.GateProvider;
import org.sparkmoe.moe.GateStep;
import org.sparkmoe.moe.ModuleContext;
import org.sparkmoe.moe.Modules;
import org.sparkmoe.moe.MoeConfig;
import org.sparkmoe.moe.SparseRouting;
import org.sparkmoe.moe.StepContext;
import org.sparkmoe.tensor.ParameterInitializer;
import org.sparkmoe.tensor.Precision;
import org.sparkmoe.topology.RankGroups;

class DistanceGateTest {

  @Test
  void tokensGoToTheNearestCentroids() {
    MoeConfig config = MoeConfig.of(3, 2, 8);
    Gate gate =
        Modules.find(GateProvider.class, "moe.gate", "org.sparkmoe.example.DistanceGate")
            .create(
                new ModuleContext(
                    "layers.0.moe.gate",
                    0,
                    config,
                    2,
                    Map.of(),
                    RankGroups.single(),
                    ParameterInitializer.cpu(1, Precision.F64)));
    // Centroids (0, 0), (2, 0), (0, 5).
    gate.parameters()
        .get(0)
        .value()
        .detach()
        .copy_(Tensor.create(new double[] {0, 0, 2, 0, 0, 5}, 3, 2));
    Tensor tokens = Tensor.create(new double[] {0.5, 0, 2, 0, 1, 0}, 3, 2);

    GateDecision decision =
        gate.route(tokens, GateStep.alone(config, StepContext.evaluation(3), 3));

    // The third token is as near to the first as to the second: a tie goes to the lower index.
    assertThat(row(decision.chosenSK(), 0)).containsExactly(0.0, 1.0);
    assertThat(row(decision.chosenSK(), 1)).containsExactly(1.0, 0.0);
    assertThat(row(decision.chosenSK(), 2)).containsExactly(0.0, 1.0);
    Tensor weights = ((SparseRouting) decision.routing()).weightsSK();
    assertThat(row(weights, 2)).containsExactly(0.5, 0.5);
    assertThat(weights.sum(1).sub(new Scalar(1.0)).abs().max().item_double()).isLessThan(1e-12);
  }

  private static List<Double> row(Tensor matrix, long row) {
    return List.of(
        matrix.select(0, row).select(0, 0).item().toDouble(),
        matrix.select(0, row).select(0, 1).item().toDouble());
  }
}
