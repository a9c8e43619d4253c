package org.sparkmoe.ml;

import org.apache.spark.ml.param.Param;
import org.apache.spark.ml.param.Params;

/**
 * What the interfaces that declare Params share.
 *
 * @param <S> the stage, which setters return
 */
public interface StageParams<S> extends Params {

  /** The Params of this stage. */
  ParamTable table();

  /** Sets the Param of that name and returns this stage. */
  @SuppressWarnings("unchecked")
  default S with(String name, Object value) {
    set(name, value);
    return (S) this;
  }

  /** The value that was set, or else the default. */
  default <T> T valueOf(Param<T> param) {
    return getOrDefault(param);
  }
}
