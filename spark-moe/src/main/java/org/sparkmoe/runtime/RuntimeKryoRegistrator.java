package org.sparkmoe.runtime;

import com.esotericsoftware.kryo.Kryo;
import org.apache.spark.serializer.KryoRegistrator;
import org.sparkmoe.data.DataKryoRegistrator;
import org.sparkmoe.train.EvaluationMetrics;
import org.sparkmoe.train.TrainingSummary;

/**
 * Everything of ours that crosses Spark, so that jobs run with {@code
 * spark.kryo.registrationRequired=true}; name this class in {@code spark.kryo.registrator}.
 */
public final class RuntimeKryoRegistrator implements KryoRegistrator {

  @Override
  public void registerClasses(Kryo kryo) {
    new DataKryoRegistrator().registerClasses(kryo);
    kryo.register(TrainingSummary.class, new JsonSerializer<TrainingSummary>());
    kryo.register(TrainingSummary[].class);
    kryo.register(EvaluationMetrics.class, new JsonSerializer<EvaluationMetrics>());
    kryo.register(EvaluationMetrics[].class);
  }
}
