package org.sparkmoe.app;

import java.util.Arrays;
import java.util.Locale;
import org.sparkmoe.schedule.policy.PolicyName;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** Reads a schedule's name as configurations write it. */
final class PolicyConverter implements ITypeConverter<PolicyName> {

  @Override
  public PolicyName convert(String value) {
    return Arrays.stream(PolicyName.values())
        .filter(name -> name.toString().equals(value.toLowerCase(Locale.ROOT)))
        .findFirst()
        .orElseThrow(
            () ->
                new TypeConversionException(
                    "'%s', must be one of %s"
                        .formatted(value, Arrays.toString(PolicyName.values()))));
  }
}
