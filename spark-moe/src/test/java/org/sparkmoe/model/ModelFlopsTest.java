package org.sparkmoe.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.withinPercentage;

import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.sparkmoe.moe.MoeConfig;
import org.sparkmoe.tensor.ParameterInitializer;
import org.sparkmoe.tensor.Precision;
import org.sparkmoe.topology.RankGroups;

/** Model FLOPs against the list of every matrix product that a token takes part in. */
class ModelFlopsTest {
  private static final int VOCABULARY = 101;

  /** M = 16, 4 heads of width 4. */
  private static ModelSize size(
      Architecture architecture, MoeConfig moe, int kvHeads, String moeLayers) {
    ModelConfig config =
        new ModelConfig(
            architecture,
            2,
            16,
            4,
            kvHeads,
            0,
            64,
            32,
            1e4,
            1e-5,
            architecture == Architecture.GPT2,
            0.02,
            moeLayers,
            "balanced");
    return LanguageModel.create(
            config,
            moe,
            VOCABULARY,
            RankGroups.single(),
            ParameterInitializer.cpu(1, Precision.F32))
        .size();
  }

  /** A row times a matrix of n elements: 2·n forward, as much by the row and by the matrix. */
  private static double products(long... matrices) {
    return 3 * 2.0 * LongStream.of(matrices).sum();
  }

  @Test
  void aMixtralTokenPassesTwoOfEightExperts() {
    ModelSize size = size(Architecture.MIXTRAL, MoeConfig.dropless(8, 2, 24), 2, "all");
    double attention =
        // Queries, keys, values, output; scores and values of 32 tokens by 4 heads of width 4.
        products(16 * 16, 16 * 8, 16 * 8, 16 * 16, 32 * 16, 32 * 16);
    double router = products(16 * 8);
    double expert = products(16 * 24, 16 * 24, 24 * 16);
    double head = products(16 * VOCABULARY);
    assertThat(size.trainingFlopsPerToken(32))
        .isEqualTo(2 * (attention + router + 2 * expert) + head)
        .isEqualTo(60_384);
    assertThat(size.expertMatrixElements()).isEqualTo(3 * 16 * 24);
  }

  @Test
  void aDenseGpt2IsMegatronsFormula() {
    ModelSize size = size(Architecture.GPT2, MoeConfig.of(8, 2, 24), 0, "none");
    // Narayanan et al. 2021: 72·B·s·l·h²·(1 + s/6h + V/12lh) with 8·B·s·h² of it for each of l
    // layers left out, which they add for recomputation: 96 becomes 72.
    double h = 16;
    double l = 2;
    double s = 32;
    assertThat(size.trainingFlopsPerToken(32))
        .isCloseTo(
            72 * l * h * h * (1 + s / (6 * h) + VOCABULARY / (12 * l * h)), withinPercentage(1e-9))
        .isEqualTo(58_848);
    assertThat(size.expertMatrixElements()).isZero();
  }

  @Test
  void expertsOfGpt2HaveTwoProductsInTheLayersThatHaveThem() {
    ModelSize size = size(Architecture.GPT2, MoeConfig.of(8, 2, 24), 0, "every-2");
    double attention = products(16 * 48, 16 * 16, 32 * 16, 32 * 16);
    double dense = products(16 * 64, 64 * 16);
    // Noisy top-k has a second matrix for the noise.
    double moe = products(16 * 8, 16 * 8) + 2 * products(16 * 24, 24 * 16);
    assertThat(size.trainingFlopsPerToken(32))
        .isEqualTo(2 * attention + dense + moe + products(16 * VOCABULARY));
    assertThat(size.expertMatrixElements()).isEqualTo(2 * 16 * 24);
  }
}
