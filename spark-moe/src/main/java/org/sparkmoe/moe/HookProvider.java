package org.sparkmoe.moe;

/** Makes hooks. */
public interface HookProvider extends ModuleProvider {

  /** Makes the hook of one layer. */
  Hook create(ModuleContext context);
}
