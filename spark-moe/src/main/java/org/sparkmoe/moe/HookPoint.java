package org.sparkmoe.moe;

/** Where hooks are called (paper §3.1), in forward order. */
public enum HookPoint {
  /** The layer's input, once. */
  BEFORE_MOE_START,
  /** Each chunk, before its AlltoAll. */
  BEFORE_DISPATCH,
  /** Each chunk, after its AlltoAll. */
  AFTER_DISPATCH,
  /** Each chunk of results, before its AlltoAll. */
  BEFORE_COMBINE,
  /** Each chunk of results, after its AlltoAll. */
  AFTER_COMBINE,
  /** The layer's output, once. */
  BEFORE_MOE_END
}
