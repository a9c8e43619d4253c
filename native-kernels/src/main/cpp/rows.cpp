#include "rows.h"

#include <limits>

#include "numbers.h"

namespace {

// Independent partial sums, so that a dot product fills vector registers in a fixed order.
constexpr size_t LANES = 32;

// Columns first to first + COLUMNS of all rows, whose sums stay in registers.
template <size_t COLUMNS, typename A, typename T>
inline __attribute__((always_inline)) void sumColumns(
    T* __restrict out, const T* const* rows, const A* weights, size_t count, size_t first) {
  A sums[COLUMNS];
  const T* row = rows[0] + first;
  for (size_t i = 0; i < COLUMNS; i++) sums[i] = weights[0] * widen(row[i]);
  for (size_t k = 1; k < count; k++) {
    row = rows[k] + first;
    for (size_t i = 0; i < COLUMNS; i++) sums[i] += weights[k] * widen(row[i]);
  }
  for (size_t i = 0; i < COLUMNS; i++) store(out + first + i, sums[i]);
}

template <typename A, typename T>
inline __attribute__((always_inline)) void sumRows(
    T* __restrict out, const T* const* rows, const A* weights, size_t count, size_t n) {
  size_t i = 0;
  for (; i + LANES <= n; i += LANES) sumColumns<LANES>(out, rows, weights, count, i);
  for (; i < n; i++) sumColumns<1>(out, rows, weights, count, i);
}

template <typename Key>
inline __attribute__((always_inline)) int64_t countAtLeast(const Key* keys, Key least, size_t n) {
  Key count = 0;
  for (size_t i = 0; i < n; i++) count += keys[i] >= least;
  return static_cast<int64_t>(count);
}

template <typename A, typename T>
inline __attribute__((always_inline)) A dotInLanes(const T* a, const T* b, size_t n) {
  A partial[LANES] = {};
  size_t i = 0;
  for (; i + LANES <= n; i += LANES) {
    for (size_t lane = 0; lane < LANES; lane++) {
      partial[lane] += widen(a[i + lane]) * widen(b[i + lane]);
    }
  }
  for (size_t lane = 0; i < n; i++, lane++) {
    partial[lane] += widen(a[i]) * widen(b[i]);
  }
  A sum = 0;
  for (A value : partial) {
    sum += value;
  }
  return sum;
}

}  // namespace

FOR_EACH_PROCESSOR void scale(float* __restrict out, const float* __restrict in, float w, size_t n) {
  for (size_t i = 0; i < n; i++) out[i] = w * in[i];
}

FOR_EACH_PROCESSOR void scale(
    double* __restrict out, const double* __restrict in, double w, size_t n) {
  for (size_t i = 0; i < n; i++) out[i] = w * in[i];
}

FOR_EACH_PROCESSOR void scale(bf16* __restrict out, const bf16* __restrict in, float w, size_t n) {
  for (size_t i = 0; i < n; i++) out[i] = narrowed(w * widen(in[i]));
}

FOR_EACH_PROCESSOR void sumOf(
    float* __restrict out, const float* const* rows, const float* w, size_t count, size_t n) {
  sumRows(out, rows, w, count, n);
}

FOR_EACH_PROCESSOR void sumOf(
    double* __restrict out, const double* const* rows, const double* w, size_t count, size_t n) {
  sumRows(out, rows, w, count, n);
}

FOR_EACH_PROCESSOR void sumOf(
    bf16* __restrict out, const bf16* const* rows, const float* w, size_t count, size_t n) {
  sumRows(out, rows, w, count, n);
}

FOR_EACH_PROCESSOR float dot(const float* a, const float* b, size_t n) {
  return dotInLanes<float>(a, b, n);
}

FOR_EACH_PROCESSOR double dot(const double* a, const double* b, size_t n) {
  return dotInLanes<double>(a, b, n);
}

FOR_EACH_PROCESSOR float dot(const bf16* a, const bf16* b, size_t n) {
  return dotInLanes<float>(a, b, n);
}

FOR_EACH_PROCESSOR TwoLargest twoLargestDifferences(
    const double* scores, const double* prices, size_t n) {
  constexpr size_t WIDTH = 8;
  double least = -std::numeric_limits<double>::infinity();
  double first[WIDTH];
  double second[WIDTH];
  for (size_t lane = 0; lane < WIDTH; lane++) first[lane] = second[lane] = least;
  size_t i = 0;
  for (; i + WIDTH <= n; i += WIDTH) {
    for (size_t lane = 0; lane < WIDTH; lane++) {
      double value = scores[i + lane] - prices[i + lane];
      double lower = value < first[lane] ? value : first[lane];
      first[lane] = value > first[lane] ? value : first[lane];
      second[lane] = lower > second[lane] ? lower : second[lane];
    }
  }
  TwoLargest result = {0, least, least};
  auto meet = [&](double value) {
    double lower = value < result.largest ? value : result.largest;
    result.largest = value > result.largest ? value : result.largest;
    result.second = lower > result.second ? lower : result.second;
  };
  for (; i < n; i++) meet(scores[i] - prices[i]);
  for (size_t lane = 0; lane < WIDTH; lane++) {
    meet(first[lane]);
    meet(second[lane]);
  }
  while (scores[result.index] - prices[result.index] != result.largest) result.index++;
  return result;
}

FOR_EACH_PROCESSOR int64_t countFrom(const uint32_t* keys, uint32_t least, size_t n) {
  return countAtLeast(keys, least, n);
}

FOR_EACH_PROCESSOR int64_t countFrom(const uint64_t* keys, uint64_t least, size_t n) {
  return countAtLeast(keys, least, n);
}
