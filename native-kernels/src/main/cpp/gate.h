// The largest of each row, see GateKernels.java for shapes and meaning.
#pragma once

#include <algorithm>
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

// Unsigned numbers in the order of floating ones, of which all that are not numbers come last.
inline uint32_t ordered(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  uint32_t zeroIsOne = bits == 0x80000000u ? 0 : bits;
  uint32_t key = zeroIsOne ^ (zeroIsOne >> 31 ? 0xffffffffu : 0x80000000u);
  return value != value ? 0xffffffffu : key;
}

inline uint64_t ordered(double value) {
  uint64_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  uint64_t zeroIsOne = bits == 1ull << 63 ? 0 : bits;
  uint64_t key = zeroIsOne ^ (zeroIsOne >> 63 ? ~0ull : 1ull << 63);
  return value != value ? ~0ull : key;
}

// Rows this short are searched without branches, which data in no order would mispredict.
constexpr int64_t SHORT_ROW = 32;

// Value and column in one number: NaN before numbers, of equals the lower column.
inline uint64_t withColumn(float value, int64_t column) {
  return static_cast<uint64_t>(ordered(value)) << 32 | static_cast<uint32_t>(~column);
}

template <int CHOICES, typename T>
void largestOfShortRow(const T* values, int64_t columns, int64_t* places) {
  uint64_t best[CHOICES] = {};
  for (int64_t column = 0; column < columns; column++) {
    uint64_t key = withColumn(wide(values[column]), column);
    for (int i = 0; i < CHOICES; i++) {
      uint64_t lower = std::min(best[i], key);
      best[i] = std::max(best[i], key);
      key = lower;
    }
  }
  for (int i = 0; i < CHOICES; i++) places[i] = static_cast<uint32_t>(~best[i]);
}

template <typename T>
void largestOfRow(const T* values, int64_t columns, int choices, int64_t* places) {
  typename Accumulator<T>::type best[16];
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

// Columns of the largest of each row, largest first; choices is at most 16.
template <typename T>
void largest(
    const T* scores, int64_t rows, int64_t columns, int choices, int64_t* chosen, int threads) {
  constexpr bool narrow = sizeof(typename Accumulator<T>::type) == sizeof(float);
#pragma omp parallel for num_threads(threads) schedule(static)
  for (int64_t row = 0; row < rows; row++) {
    const T* values = scores + row * columns;
    int64_t* places = chosen + row * choices;
    if constexpr (narrow) {
      if (columns <= SHORT_ROW && choices == 1) {
        largestOfShortRow<1>(values, columns, places);
        continue;
      }
      if (columns <= SHORT_ROW && choices == 2) {
        largestOfShortRow<2>(values, columns, places);
        continue;
      }
    }
    largestOfRow(values, columns, choices, places);
  }
}
