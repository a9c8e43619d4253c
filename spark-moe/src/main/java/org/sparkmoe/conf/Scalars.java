package org.sparkmoe.conf;

import com.typesafe.config.ConfigException;
import com.typesafe.config.ConfigValue;
import com.typesafe.config.ConfigValueType;
import java.math.BigDecimal;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/** Values without structure. */
final class Scalars {
  private Scalars() {}

  /**
   * {@code value} as an object of {@code type}.
   *
   * @throws WrongTypeException if it is not one
   */
  static Object convert(String key, ConfigValue value, Class<?> type) throws WrongTypeException {
    boolean structured =
        value.valueType() == ConfigValueType.OBJECT || value.valueType() == ConfigValueType.LIST;
    String text = String.valueOf(value.unwrapped());
    if (structured || value.valueType() == ConfigValueType.NULL) {
      throw new WrongTypeException(key, text, "a single value");
    }
    if (type == String.class) {
      return text;
    }
    if (type == int.class || type == Integer.class) {
      return integer(key, text, Integer.MIN_VALUE, Integer.MAX_VALUE).intValueExact();
    }
    if (type == long.class || type == Long.class) {
      return integer(key, text, Long.MIN_VALUE, Long.MAX_VALUE).longValueExact();
    }
    if (type == double.class || type == Double.class) {
      return real(key, text);
    }
    if (type == boolean.class || type == Boolean.class) {
      return bool(key, text);
    }
    if (type == Duration.class) {
      return duration(key, value, text);
    }
    if (type.isEnum()) {
      return constant(key, text, type);
    }
    throw new IllegalArgumentException("%s: cannot bind values of %s".formatted(key, type));
  }

  private static BigDecimal integer(String key, String text, long min, long max)
      throws WrongTypeException {
    String right = "a whole number from %d to %d".formatted(min, max);
    try {
      BigDecimal number = new BigDecimal(text).setScale(0);
      if (number.compareTo(BigDecimal.valueOf(min)) >= 0
          && number.compareTo(BigDecimal.valueOf(max)) <= 0) {
        return number;
      }
    } catch (NumberFormatException | ArithmeticException notWhole) {
      throw new WrongTypeException(key, text, right);
    }
    throw new WrongTypeException(key, text, right);
  }

  private static double real(String key, String text) throws WrongTypeException {
    try {
      double number = Double.parseDouble(text);
      if (Double.isFinite(number)) {
        return number;
      }
    } catch (NumberFormatException notNumber) {
      throw new WrongTypeException(key, text, "a number");
    }
    throw new WrongTypeException(key, text, "a finite number");
  }

  private static boolean bool(String key, String text) throws WrongTypeException {
    return switch (text) {
      case "true", "yes", "on" -> true;
      case "false", "no", "off" -> false;
      default -> throw new WrongTypeException(key, text, "true or false");
    };
  }

  /** A bare number would be milliseconds in HOCON, which nobody guesses: a unit has to be there. */
  private static Duration duration(String key, ConfigValue value, String text)
      throws WrongTypeException {
    String right = "a duration with its unit, such as 500ms, 30s or 2m";
    if (text.isBlank() || Character.isDigit(text.charAt(text.length() - 1))) {
      throw new WrongTypeException(key, text, right);
    }
    try {
      return value.atKey("value").getDuration("value");
    } catch (ConfigException e) {
      throw new WrongTypeException(key, text, right);
    }
  }

  private static Object constant(String key, String text, Class<?> type) throws WrongTypeException {
    List<?> constants = Arrays.asList(type.getEnumConstants());
    for (Object constant : constants) {
      if (nameOf(constant).equals(text)) {
        return constant;
      }
    }
    throw new WrongTypeException(
        key, text, "one of " + constants.stream().map(Scalars::nameOf).toList());
  }

  static String nameOf(Object constant) {
    return ((Enum<?>) constant).name().toLowerCase(Locale.ROOT).replace('_', '-');
  }
}
