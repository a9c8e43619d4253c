package org.sparkmoe.moe;

/**
 * What a hook is told about the value it sees.
 *
 * @param step batch metadata
 * @param layer index of the layer, from 0
 * @param chunk index of the chunk, from 0; 0 at the outer points
 * @param chunks number of chunks in this direction; 1 at the outer points
 * @param again whether this forward repeats one that the hook has seen, because {@code
 *     train.recompute} keeps no activations: the value must change as it did, and count once
 */
public record HookContext(StepContext step, int layer, int chunk, int chunks, boolean again) {}
