package org.sparkmoe.ml;

import static org.apache.spark.sql.functions.col;

import java.util.Arrays;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;

/** Checks of the columns that stages read and add. */
final class TextColumn {
  private TextColumn() {}

  /**
   * @param param that names the column, for the message
   * @throws IllegalArgumentException if there is no such column, or it holds no strings
   */
  static void check(StructType schema, String param, String column) {
    checkType(schema, param, column, DataTypes.StringType);
  }

  /**
   * @param param that names the column, for the message
   * @throws IllegalArgumentException if there is no such column, or it is of another type
   */
  static void checkType(StructType schema, String param, String column, DataType type) {
    if (!Arrays.asList(schema.fieldNames()).contains(column)) {
      throw new IllegalArgumentException(
          "%s is \"%s\", must be one of the columns %s"
              .formatted(param, column, Arrays.toString(schema.fieldNames())));
    }
    DataType actual = schema.apply(column).dataType();
    if (!actual.equals(type)) {
      throw new IllegalArgumentException(
          "%s: column \"%s\" is of type %s, must be %s"
              .formatted(param, column, actual.simpleString(), type.simpleString()));
    }
  }

  /** The column of exactly this name, dots and all. */
  static Column of(String name) {
    return col("`" + name.replace("`", "``") + "`");
  }

  /**
   * @throws IllegalArgumentException if the column is there
   */
  static void checkNew(StructType schema, String column) {
    if (Arrays.asList(schema.fieldNames()).contains(column)) {
      throw new IllegalArgumentException(
          "column \"%s\" is there already, must be new: drop it, or name another one"
              .formatted(column));
    }
  }
}
