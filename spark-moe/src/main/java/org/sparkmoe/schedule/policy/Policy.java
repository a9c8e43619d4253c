package org.sparkmoe.schedule.policy;

import java.util.List;
import org.sparkmoe.schedule.cost.CostModels;
import org.sparkmoe.schedule.cost.LayerWorkload;

/** A way to schedule a training step; a pure function. */
@FunctionalInterface
public interface Policy {

  /**
   * @param layers the stack, first layer first
   * @param costs of every task
   */
  StepPlan plan(List<LayerWorkload> layers, CostModels costs);
}
