// Order and inverse order of tokens, see RoutingKernels.java for shapes and meaning.
#pragma once

#include <cstdint>
#include <cstring>
#include <vector>

#include "rows.h"

// S tokens of K choices and M elements, and a buffer of nSlots rows.
struct Routing {
  const int64_t* slots;
  int64_t tokens;
  int64_t choices;
  int64_t width;
  int64_t nSlots;
  int threads;
};

// Each token's row, times its weight unless weights is null, into its slots; zero elsewhere.
template <typename T>
void order(
    const Routing& r, const T* tokens, const typename Accumulator<T>::type* weights, T* buffer) {
  std::vector<char> used(r.nSlots);
#pragma omp parallel for num_threads(r.threads) schedule(static)
  for (int64_t s = 0; s < r.tokens; s++) {
    for (int64_t k = s * r.choices; k < (s + 1) * r.choices; k++) {
      if (r.slots[k] < 0) continue;
      used[r.slots[k]] = 1;
      T* row = buffer + r.slots[k] * r.width;
      if (weights) {
        scale(row, tokens + s * r.width, weights[k], r.width);
      } else {
        std::memcpy(row, tokens + s * r.width, r.width * sizeof(T));
      }
    }
  }
#pragma omp parallel for num_threads(r.threads) schedule(static)
  for (int64_t slot = 0; slot < r.nSlots; slot++) {
    if (!used[slot]) std::memset(buffer + slot * r.width, 0, r.width * sizeof(T));
  }
}

// A row of sums: the output itself where it has the type of sums, a buffer that is rounded else.
template <typename T> class SumRow {
 public:
  explicit SumRow(int64_t) {}
  T* begin(T* out) { return out; }
  void end(T*, int64_t) {}
};

template <> class SumRow<bf16> {
 public:
  explicit SumRow(int64_t width) : sums_(width) {}
  float* begin(bf16*) { return sums_.data(); }
  void end(bf16* out, int64_t width) { narrow(out, sums_.data(), width); }

 private:
  std::vector<float> sums_;
};

// The sum over the slots of each token, times their weights unless weights is null.
template <typename T>
void inverseOrder(
    const Routing& r, const T* buffer, const typename Accumulator<T>::type* weights, T* tokens) {
#pragma omp parallel num_threads(r.threads)
  {
    SumRow<T> row(r.width);
#pragma omp for schedule(static)
    for (int64_t s = 0; s < r.tokens; s++) {
      T* out = tokens + s * r.width;
      auto* sum = row.begin(out);
      bool first = true;
      for (int64_t k = s * r.choices; k < (s + 1) * r.choices; k++) {
        if (r.slots[k] < 0) continue;
        const T* in = buffer + r.slots[k] * r.width;
        typename Accumulator<T>::type weight = weights ? weights[k] : 1;
        if (first) {
          scale(sum, in, weight, r.width);
        } else {
          addScaled(sum, in, weight, r.width);
        }
        first = false;
      }
      if (first) {
        std::memset(sum, 0, r.width * sizeof *sum);
      }
      row.end(out, r.width);
    }
  }
}

// Dot products of each token's gradient with the rows of its slots.
template <typename T>
void weightGradient(
    const Routing& r, const T* gradient, const T* buffer, typename Accumulator<T>::type* dots) {
#pragma omp parallel for num_threads(r.threads) schedule(static)
  for (int64_t s = 0; s < r.tokens; s++) {
    for (int64_t k = s * r.choices; k < (s + 1) * r.choices; k++) {
      dots[k] = r.slots[k] < 0
          ? 0
          : dot(gradient + s * r.width, buffer + r.slots[k] * r.width, r.width);
    }
  }
}
