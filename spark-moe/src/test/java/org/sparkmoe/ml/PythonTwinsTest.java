package org.sparkmoe.ml;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.apache.spark.ml.param.BooleanParam;
import org.apache.spark.ml.param.DoubleParam;
import org.apache.spark.ml.param.IntParam;
import org.apache.spark.ml.param.LongParam;
import org.apache.spark.ml.param.Param;
import org.apache.spark.ml.param.Params;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The Python classes declare the Params of the Java classes: the same names and types. */
class PythonTwinsTest {
  private static final Path SOURCES = Path.of("..", "python", "src", "sparkmoe");
  private static final Pattern CLASS =
      Pattern.compile("(?m)^class (\\w+)\\(([^:]*)\\):\\n((?:[ \\t]+.*\\n|\\n)*)");
  private static final Pattern DECLARATION =
      Pattern.compile(
          "(?m)^    (\\w+): \"Param\\[(\\w+)\\]\" = Param\\(\\s*Params\\._dummy\\(\\),[^\\n]*\\s*"
              + "\"(\\w+)\",\\s*((?:\"(?:[^\"\\\\]|\\\\.)*\"\\s*)+),\\s*"
              + "typeConverter=TypeConverters\\.(\\w+),\\s*\\)");

  /** A Python class by what it inherits and what its body says. */
  private record PythonClass(List<String> parents, String body) {}

  static Stream<Params> stages() {
    return Stream.of(
        new MoeLanguageModelTrainer(),
        MoeLanguageModel.fromModelDirectory("unused"),
        new PerplexityEvaluator(),
        new TextNormalizer(),
        new ExactDeduplicator());
  }

  @ParameterizedTest
  @MethodSource("stages")
  void everyParamHasItsTwin(Params stage) throws IOException {
    String name = stage.getClass().getSimpleName();
    Map<String, String> java = new TreeMap<>();
    for (Param<?> param : stage.params()) {
      java.put(param.name(), pythonType(param));
    }
    assertThat(declared(name, classes())).as(name).isEqualTo(java);
  }

  @Test
  void everyParamIsDocumentedAndHasAGetterAndASetter() throws IOException {
    for (PythonClass declaring : classes().values()) {
      Matcher matcher = DECLARATION.matcher(declaring.body());
      while (matcher.find()) {
        String name = matcher.group(1);
        String accessor = Character.toUpperCase(name.charAt(0)) + name.substring(1);
        assertThat(matcher.group(3)).isEqualTo(name);
        assertThat(matcher.group(4)).as(name).hasSizeGreaterThan(10);
        assertThat(declaring.body())
            .contains("def get" + accessor + "(self)", "def set" + accessor + "(self");
      }
    }
  }

  private static String pythonType(Param<?> param) {
    if (param instanceof IntParam || param instanceof LongParam) {
      return "int toInt";
    }
    if (param instanceof DoubleParam) {
      return "float toFloat";
    }
    return param instanceof BooleanParam ? "bool toBoolean" : "str toString";
  }

  private static Map<String, PythonClass> classes() throws IOException {
    Map<String, PythonClass> classes = new LinkedHashMap<>();
    for (String file : List.of("params.py", "stages.py")) {
      Matcher matcher = CLASS.matcher(Files.readString(SOURCES.resolve(file)));
      while (matcher.find()) {
        List<String> parents = Arrays.asList(matcher.group(2).strip().split("[\\s,]+"));
        classes.put(matcher.group(1), new PythonClass(parents, matcher.group(3)));
      }
    }
    return classes;
  }

  private static Map<String, String> declared(String name, Map<String, PythonClass> classes) {
    Map<String, String> params = new TreeMap<>();
    List<String> lineage = new ArrayList<>(List.of(name));
    for (int i = 0; i < lineage.size(); i++) {
      PythonClass python = classes.get(lineage.get(i));
      if (python != null) {
        lineage.addAll(python.parents());
        DECLARATION
            .matcher(python.body())
            .results()
            .forEach(param -> params.put(param.group(1), param.group(2) + " " + param.group(5)));
      }
    }
    return params;
  }
}
