package org.sparkmoe.train;

import java.util.Arrays;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.bytedeco.pytorch.Tensor;
import org.sparkmoe.tensor.Parameter;

/**
 * A part of a whole tensor, in elements of each dimension.
 *
 * @param fullShape shape of the whole tensor
 * @param offset where the part starts
 * @param shape of the part
 */
record Box(long[] fullShape, long[] offset, long[] shape) {
  private static final Pattern TEXT = Pattern.compile("([0-9,]*)@([0-9,]*)of([0-9,]*)");

  /** The part that a rank holds. */
  static Box of(Parameter parameter) {
    return new Box(
        parameter.fullShape(), parameter.offset(), parameter.value().sizes().vec().get());
  }

  static Box whole(long[] fullShape) {
    return new Box(fullShape, new long[fullShape.length], fullShape);
  }

  long elements() {
    return SafetensorsHeader.elements(shape);
  }

  /** What both parts share, of two boxes of the same whole tensor. */
  Optional<Box> intersection(Box other) {
    long[] start = new long[offset.length];
    long[] size = new long[offset.length];
    for (int d = 0; d < start.length; d++) {
      start[d] = Math.max(offset[d], other.offset[d]);
      long end = Math.min(offset[d] + shape[d], other.offset[d] + other.shape[d]);
      size[d] = end - start[d];
      if (size[d] <= 0) {
        return Optional.empty();
      }
    }
    return Optional.of(new Box(fullShape, start, size));
  }

  /** The view of {@code tensor}, which holds this box, on the part {@code inner}. */
  Tensor view(Tensor tensor, Box inner) {
    Tensor view = tensor;
    for (int d = 0; d < offset.length; d++) {
      view = view.narrow(d, inner.offset[d] - offset[d], inner.shape[d]);
    }
    return view;
  }

  /** As {@code shape@offset of fullShape} without the spaces, for metadata. */
  String text() {
    return "%s@%sof%s".formatted(join(shape), join(offset), join(fullShape));
  }

  /**
   * Reads what {@link #text} wrote.
   *
   * @throws SafetensorsException if the text is no box, or the part is not inside the whole
   */
  static Box parse(String text) throws SafetensorsException {
    Matcher matcher = TEXT.matcher(text);
    try {
      if (matcher.matches()) {
        Box box =
            new Box(split(matcher.group(3)), split(matcher.group(2)), split(matcher.group(1)));
        if (box.isInside()) {
          return box;
        }
      }
    } catch (NumberFormatException e) {
      throw new SafetensorsException("box \"%s\" has a number beyond 63 bits".formatted(text), e);
    }
    throw new SafetensorsException(
        "box is \"%s\", must be shape@offset of a whole shape, inside it".formatted(text));
  }

  private boolean isInside() {
    if (offset.length != fullShape.length || shape.length != fullShape.length) {
      return false;
    }
    for (int d = 0; d < shape.length; d++) {
      if (shape[d] > fullShape[d] || offset[d] > fullShape[d] - shape[d]) {
        return false;
      }
    }
    return true;
  }

  private static String join(long[] values) {
    return Arrays.stream(values).mapToObj(Long::toString).collect(Collectors.joining(","));
  }

  private static long[] split(String text) {
    return text.isEmpty()
        ? new long[0]
        : Arrays.stream(text.split(",", -1)).mapToLong(Long::parseLong).toArray();
  }
}
