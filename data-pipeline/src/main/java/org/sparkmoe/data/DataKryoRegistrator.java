package org.sparkmoe.data;

import com.esotericsoftware.kryo.Kryo;
import com.esotericsoftware.kryo.Serializer;
import com.esotericsoftware.kryo.io.Input;
import com.esotericsoftware.kryo.io.Output;
import java.util.List;
import org.apache.spark.serializer.KryoRegistrator;
import org.apache.spark.sql.types.StructField;
import scala.Tuple2;

/**
 * Lets the data pipeline run with {@code spark.kryo.registrationRequired=true}; name this class in
 * {@code spark.kryo.registrator}.
 *
 * <p>Our records have serializers of their own: the Kryo of Spark 4 sets fields by {@code Unsafe},
 * which the JVM forbids for records.
 */
public final class DataKryoRegistrator implements KryoRegistrator {

  /** Types of columns; a job that reads a schema sends it to the driver. */
  private static final List<String> SQL_TYPES =
      List.of(
          "ArrayType",
          "BinaryType$",
          "BooleanType$",
          "ByteType$",
          "CalendarIntervalType$",
          "CharType",
          "DateType$",
          "DayTimeIntervalType",
          "DecimalType",
          "DoubleType$",
          "FloatType$",
          "IntegerType$",
          "LongType$",
          "MapType",
          "NullType$",
          "ShortType$",
          "StringType",
          "StringType$",
          "StructField",
          "StructType",
          "TimestampNTZType$",
          "TimestampType$",
          "VarcharType",
          "VariantType$",
          "YearMonthIntervalType");

  @Override
  public void registerClasses(Kryo kryo) {
    kryo.register(TokenSequence.class, new TokenSequenceSerializer());
    kryo.register(TokenSequence[].class);
    kryo.register(Sharding.Slot.class, new SlotSerializer());
    kryo.register(Tuple2[].class);
    kryo.register(StructField[].class);
    for (String type : SQL_TYPES) {
      registerSqlType(kryo, "org.apache.spark.sql.types." + type);
    }
  }

  private static void registerSqlType(Kryo kryo, String name) {
    try {
      kryo.register(Class.forName(name, false, StructField.class.getClassLoader()));
    } catch (ClassNotFoundException e) {
      throw new IllegalStateException("this version of Spark lacks the SQL type " + name, e);
    }
  }

  private static final class TokenSequenceSerializer extends Serializer<TokenSequence> {
    TokenSequenceSerializer() {
      super(false, true);
    }

    @Override
    public void write(Kryo kryo, Output output, TokenSequence sequence) {
      output.writeVarLong(sequence.position(), true);
      output.writeVarInt(sequence.tokens().length, true);
      output.writeInts(sequence.tokens(), true);
    }

    @Override
    public TokenSequence read(Kryo kryo, Input input, Class<TokenSequence> type) {
      long position = input.readVarLong(true);
      return new TokenSequence(position, input.readInts(input.readVarInt(true), true));
    }
  }

  private static final class SlotSerializer extends Serializer<Sharding.Slot> {
    SlotSerializer() {
      super(false, true);
    }

    @Override
    public void write(Kryo kryo, Output output, Sharding.Slot slot) {
      output.writeVarInt(slot.rank(), true);
      output.writeVarLong(slot.position(), true);
    }

    @Override
    public Sharding.Slot read(Kryo kryo, Input input, Class<Sharding.Slot> type) {
      int rank = input.readVarInt(true);
      return new Sharding.Slot(rank, input.readVarLong(true));
    }
  }
}
