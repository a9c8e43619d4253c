package org.sparkmoe.ml;

import java.io.Serializable;
import java.util.LinkedHashMap;
import java.util.Map;
import org.apache.spark.ml.param.BooleanParam;
import org.apache.spark.ml.param.DoubleParam;
import org.apache.spark.ml.param.IntParam;
import org.apache.spark.ml.param.LongParam;
import org.apache.spark.ml.param.Param;
import scala.Function1;

/**
 * The Params of one stage by name. Java has no mixins with fields: the interfaces that declare
 * Params keep them here, and each stage makes its table once its uid is set.
 */
public final class ParamTable implements Serializable {
  private static final long serialVersionUID = 1L;

  private final String uid;
  private final Map<String, Param<?>> params = new LinkedHashMap<>();

  ParamTable(String uid) {
    this.uid = uid;
  }

  void addInt(String name, String doc, Function1<Object, Object> valid) {
    params.put(name, new IntParam(uid, name, doc, valid));
  }

  void addLong(String name, String doc) {
    params.put(name, new LongParam(uid, name, doc));
  }

  void addDouble(String name, String doc, Function1<Object, Object> valid) {
    params.put(name, new DoubleParam(uid, name, doc, valid));
  }

  void addBoolean(String name, String doc) {
    params.put(name, new BooleanParam(uid, name, doc));
  }

  void addString(String name, String doc) {
    params.put(name, new Param<String>(uid, name, doc));
  }

  IntParam ofInt(String name) {
    return (IntParam) find(name);
  }

  LongParam ofLong(String name) {
    return (LongParam) find(name);
  }

  DoubleParam ofDouble(String name) {
    return (DoubleParam) find(name);
  }

  BooleanParam ofBoolean(String name) {
    return (BooleanParam) find(name);
  }

  /** Only {@link #addString} makes Params that are of no more special class. */
  @SuppressWarnings("unchecked")
  Param<String> ofString(String name) {
    return (Param<String>) find(name);
  }

  private Param<?> find(String name) {
    Param<?> param = params.get(name);
    if (param == null) {
      throw new IllegalStateException("%s has no Param %s".formatted(uid, name));
    }
    return param;
  }
}
