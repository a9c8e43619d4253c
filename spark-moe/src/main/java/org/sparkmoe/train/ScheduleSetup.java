package org.sparkmoe.train;

import org.sparkmoe.schedule.cost.LayerShape;
import org.sparkmoe.schedule.policy.ScheduleConfig;

/**
 * What training needs to plan its steps.
 *
 * @param config which schedule
 * @param layer sizes of the model's layers, with the batch of one micro-batch
 */
public record ScheduleSetup(ScheduleConfig config, LayerShape layer) {}
