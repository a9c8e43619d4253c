package org.sparkmoe.profile;

import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/**
 * The matrix products that experts and attention consist of, in their shapes, where there is no
 * model. Backward counts twice forward (paper §4.1).
 */
final class MatrixProducts implements ComputeTrials {
  private final JobShape job;
  private final long width;
  private final long shard;
  private final Tensor up;
  private final Tensor down;
  private final Tensor qkv;
  private final Tensor output;

  /** Weights live as long as the caller's scope. */
  MatrixProducts(JobShape job) {
    this.job = job;
    this.width = job.layer().modelWidth();
    this.shard = Math.max(1, width / job.topology().nMp());
    long hidden = job.layer().hiddenWidth() / job.topology().nEsp();
    this.up = Stopwatch.zeros(width, hidden);
    this.down = Stopwatch.zeros(hidden, width);
    this.qkv = Stopwatch.zeros(width, 3 * shard);
    this.output = Stopwatch.zeros(shard, width);
  }

  @Override
  public String name() {
    return "matrix products";
  }

  @Override
  public Trial expert(long rows) {
    Tensor inputRM = Stopwatch.zeros(rows, width);
    return thrice(
        () -> {
          try (Tensor hiddenRH = torch.matmul(inputRM, up);
              Tensor gateRH =
                  job.expertProducts() == 3 ? torch.matmul(inputRM, up) : hiddenRH.clone();
              Tensor activeRH = torch.gelu(gateRH);
              Tensor result = torch.matmul(activeRH, down)) {
            result.numel();
          }
        });
  }

  @Override
  public Trial attention(long batch, long length) {
    Tensor inputTM = Stopwatch.zeros(batch * length, width);
    Tensor queryBLM = Stopwatch.zeros(batch, length, shard);
    Tensor keyBML = Stopwatch.zeros(batch, shard, length);
    return thrice(
        () -> {
          try (Tensor projected = torch.matmul(inputTM, qkv);
              Tensor scores = torch.matmul(queryBLM, keyBML);
              Tensor probabilities = torch.softmax(scores, -1);
              Tensor mixed = torch.matmul(probabilities, queryBLM);
              Tensor result = torch.matmul(mixed, output)) {
            result.numel();
          }
        });
  }

  /** Nothing: products say nothing about a gate. */
  @Override
  public Trial gate(long tokens) {
    return new Trial(() -> {}, () -> {});
  }

  @Override
  public Trial inverseOrder(long tokens) {
    return new Trial(() -> {}, () -> {});
  }

  private static Trial thrice(Runnable forward) {
    return new Trial(
        forward,
        () -> {
          forward.run();
          forward.run();
          forward.run();
        });
  }
}
