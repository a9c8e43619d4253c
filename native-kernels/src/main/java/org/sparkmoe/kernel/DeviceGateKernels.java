package org.sparkmoe.kernel;

import org.bytedeco.pytorch.AutoGradMode;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.jspecify.annotations.Nullable;

/** Gate kernels on the device, {@code gate.cu}. */
final class DeviceGateKernels implements GateKernels {
  private static final int AS_THEY_ARE = 2;

  private final Device device;

  DeviceGateKernels(Device device) {
    this.device = device;
  }

  @Override
  public Choice choose(Tensor logits, @Nullable Tensor bias, Rule rule) {
    GateArguments.choose(logits, bias, rule);
    try (AutoGradMode off = new AutoGradMode(false)) {
      int nExperts = (int) logits.size(1);
      Tensor scores = torch.empty_like(logits);
      Tensor experts = choices(logits, bias, rule.choices(), code(rule.score()), scores);
      Tensor[] queues = DeviceRoutingKernels.queues(device, experts, nExperts, rule.choiceMajor());
      return new Choice(scores, experts, queues[0], queues[1]);
    }
  }

  @Override
  public Tensor largest(Tensor scores, int choices) {
    GateArguments.largest(scores, choices);
    if (scores.scalar_type().intern() != ScalarType.Float) {
      return GateKernels.torch().largest(scores, choices);
    }
    return DeviceRoutingKernels.withoutAutograd(
        () -> choices(scores.contiguous(), null, choices, AS_THEY_ARE, null));
  }

  @Override
  public Tensor balanced(Tensor scores, long groupTokens) {
    return GateKernels.torch().balanced(scores, groupTokens);
  }

  @Override
  public Tensor placesOfTaken(Tensor scores, long groupTokens, long limit) {
    return GateKernels.torch().placesOfTaken(scores, groupTokens, limit);
  }

  private Tensor choices(
      Tensor logits, @Nullable Tensor bias, int choices, int score, @Nullable Tensor scores) {
    Tensor experts = DeviceRoutingKernels.empty(logits, ScalarType.Long, logits.size(0), choices);
    device.check(
        "gate",
        DeviceLibrary.gateChoose(
            device.library().table(),
            device.stream(),
            Device.address(logits),
            Device.address(bias),
            logits.size(0),
            (int) logits.size(1),
            choices,
            score,
            Device.address(scores),
            Device.address(experts)));
    return experts;
  }

  @Override
  public Tensor logitsGradient(Tensor scores, Tensor gradient, Score score) {
    GateArguments.gradient(scores, gradient);
    return DeviceRoutingKernels.withoutAutograd(
        () -> {
          Tensor output = torch.empty_like(scores);
          device.check(
              "gate gradient",
              DeviceLibrary.gateGradient(
                  device.library().table(),
                  device.stream(),
                  Device.address(scores),
                  Device.address(gradient),
                  scores.size(0),
                  (int) scores.size(1),
                  code(score),
                  Device.address(output)));
          return output;
        });
  }

  private static int code(Score score) {
    return switch (score) {
      case SOFTMAX -> 0;
      case SIGMOID -> 1;
    };
  }
}
