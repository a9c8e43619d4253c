// The largest of each row, see GateKernels.java for shapes and meaning.
#pragma once

#include <cstdint>
#include <cstring>

#include "rows.h"

// NaN before numbers; of equals the first stays.
template <typename T> bool isBefore(T left, T right) {
  return left > right || (left != left && right == right);
}

template <typename T> typename Accumulator<T>::type wide(T value) { return value; }
inline float wide(bf16 value) {
  uint32_t bits = static_cast<uint32_t>(value.bits) << 16;
  float result;
  std::memcpy(&result, &bits, sizeof result);
  return result;
}

// Columns of the largest of each row, largest first; choices is at most 16.
template <typename T>
void largest(
    const T* scores, int64_t rows, int64_t columns, int choices, int64_t* chosen, int threads) {
#pragma omp parallel for num_threads(threads) schedule(static)
  for (int64_t row = 0; row < rows; row++) {
    const T* values = scores + row * columns;
    typename Accumulator<T>::type best[16];
    int64_t* places = chosen + row * choices;
    int found = 0;
    for (int64_t column = 0; column < columns; column++) {
      auto value = wide(values[column]);
      if (found == choices && !isBefore(value, best[found - 1])) continue;
      int at = found < choices ? found++ : found - 1;
      for (; at > 0 && isBefore(value, best[at - 1]); at--) {
        best[at] = best[at - 1];
        places[at] = places[at - 1];
      }
      best[at] = value;
      places[at] = column;
    }
  }
}
