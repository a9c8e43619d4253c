package org.sparkmoe.app;

import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** Reads a whole number from 1. */
final class CountConverter implements ITypeConverter<Integer> {

  @Override
  public Integer convert(String value) {
    try {
      int count = Integer.parseInt(value);
      if (count >= 1) {
        return count;
      }
    } catch (NumberFormatException e) {
      // Refused below, like a number that is too small.
    }
    throw new TypeConversionException("'%s', must be a whole number from 1".formatted(value));
  }
}
