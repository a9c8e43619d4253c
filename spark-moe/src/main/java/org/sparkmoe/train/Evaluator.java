package org.sparkmoe.train;

import java.util.concurrent.TimeUnit;
import org.bytedeco.pytorch.Device;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.sparkmoe.collective.Communicator;
import org.sparkmoe.model.Forward;
import org.sparkmoe.model.LanguageModel;
import org.sparkmoe.tensor.DeviceMemory;
import org.sparkmoe.tensor.HostReads;
import org.sparkmoe.tensor.SegmentTape;
import org.sparkmoe.tensor.TensorScope;
import org.sparkmoe.topology.RankGroups;

/**
 * Measures a model on validation data. All ranks make one and call it together, each with its own
 * rows.
 */
public final class Evaluator {
  private final LanguageModel model;
  private final RankGroups groups;
  private final TrainingData data;
  private final int microBatch;
  private final MicroBatches batches;
  private final TargetCounts targets;

  /**
   * @param microBatch most sequences that pass through the model at once
   */
  public Evaluator(LanguageModel model, RankGroups groups, TrainingData data, int microBatch) {
    this.model = model;
    this.groups = groups;
    this.data = data;
    this.microBatch = microBatch;
    Device device = model.parameters().get(0).value().device();
    this.batches = new MicroBatches(groups, data.sequenceLength(), device);
    this.targets = TargetCounts.of(data.validation(), groups, device);
  }

  /**
   * Passes validation data through the model.
   *
   * @param step steps that the model was trained for, for the record
   * @param most global batches to take, from the first; 0 takes all
   */
  public EvaluationMetrics evaluate(long step, long most) {
    long start = System.nanoTime();
    long available = data.validation().batches();
    long count = most == 0 ? available : Math.min(most, available);
    int rows = data.validationBatch() / groups.dp().size();
    double loss = 0;
    for (long batch = 0; batch < count; batch++) {
      for (int from = 0; from < rows; from += microBatch) {
        loss += lossSum(data.validation().batch(batch, from, Math.min(microBatch, rows - from)));
      }
    }
    long tokens = targets.ofFirst(count);
    double mean = sumOverWorld(loss) / tokens;
    double milliseconds = (System.nanoTime() - start) / (double) TimeUnit.MILLISECONDS.toNanos(1);
    return new EvaluationMetrics(
        step, mean, data.validationCounts().bitsPerByte(mean), tokens, milliseconds);
  }

  private double lossSum(int[][] rows) {
    try (TensorScope scope = TensorScope.open()) {
      Forward forward =
          model.forward(
              SegmentTape.withoutHistory(),
              batches.inputs(rows),
              batches.targets(rows),
              batches.evaluation(rows.length));
      return HostReads.doubles(forward.lossSum())[0];
    }
  }

  private double sumOverWorld(double mine) {
    try (TensorScope scope = TensorScope.open()) {
      Tensor sum = DeviceMemory.filled(mine, batches.device(), ScalarType.Double, 1);
      groups.world().allReduce(sum, Communicator.Reduction.SUM).await();
      return HostReads.doubles(sum)[0];
    }
  }
}
