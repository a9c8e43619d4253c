package org.sparkmoe.app;

import java.util.ArrayList;
import java.util.List;

/**
 * Pipeline degrees of a stack in few letters: {@code 4,3×28} is a layer of 4 chunks, then 28 of 3.
 */
final class Degrees {
  private Degrees() {}

  static String describe(List<Integer> degrees) {
    List<String> runs = new ArrayList<>();
    int first = 0;
    for (int i = 1; i <= degrees.size(); i++) {
      if (i == degrees.size() || !degrees.get(i).equals(degrees.get(first))) {
        runs.add(degrees.get(first) + (i - first == 1 ? "" : "×" + (i - first)));
        first = i;
      }
    }
    return String.join(",", runs);
  }
}
