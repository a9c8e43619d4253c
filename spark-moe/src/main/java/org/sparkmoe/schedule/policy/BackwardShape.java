package org.sparkmoe.schedule.policy;

/**
 * How backward is cut.
 *
 * @param flow its chunks
 * @param splitExperts the experts' gradient by weight is one task a layer, outside the flow
 * @param splitDense the dense part's gradient by weight is one task a layer, outside the flow
 * @param gradientSlices slices of each layer's dense gradient; 0 cuts them to fit the holes of the
 *     inter-node lane
 */
record BackwardShape(FlowShape flow, boolean splitExperts, boolean splitDense, int gradientSlices) {

  BackwardShape with(FlowShape other) {
    return new BackwardShape(other, splitExperts, splitDense, gradientSlices);
  }
}
