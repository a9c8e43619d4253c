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

// Experts of bounded places: each routing group of groupTokens tokens has `limit` places of each
// expert, the slots of an expert begin at multiples of `capacity`.
struct Places {
  int64_t experts;
  int64_t groupTokens;
  int64_t limit;
  int64_t capacity;

  // The slot of a place in the queue of group and expert, -1 for those over the limit.
  int64_t slot(int64_t token, int64_t expert, int64_t position) const {
    return position >= 0 && position < limit
        ? expert * capacity + token / groupTokens * limit + position
        : -1;
  }
};

// Calls body(token, assignment) in the order in which assignments take their places.
template <typename Body>
void inPriority(int64_t tokens, int64_t choices, bool choiceMajor, Body body) {
  int64_t outer = choiceMajor ? choices : tokens;
  int64_t inner = choiceMajor ? tokens : choices;
  for (int64_t i = 0; i < outer; i++) {
    for (int64_t j = 0; j < inner; j++) {
      int64_t token = choiceMajor ? j : i;
      body(token, token * choices + (choiceMajor ? i : j));
    }
  }
}

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

// Rows of a buffer lie anywhere, which the processor cannot foresee: asks for those of the next
// token. Inlined by force, or else GCC drops the call as one without effect.
template <typename T>
inline __attribute__((always_inline)) void fetchRows(
    const Routing& r, int64_t token, const T* buffer) {
  constexpr int64_t LINE = 64 / sizeof(T);
  if (token >= r.tokens) return;
  for (int64_t k = token * r.choices; k < (token + 1) * r.choices; k++) {
    if (r.slots[k] < 0) continue;
    const T* row = buffer + r.slots[k] * r.width;
    for (int64_t i = 0; i < r.width; i += LINE) __builtin_prefetch(row + i);
  }
}

// The sum over the slots of each token, times their weights unless weights is null.
template <typename T>
void inverseOrder(
    const Routing& r, const T* buffer, const typename Accumulator<T>::type* weights, T* tokens) {
#pragma omp parallel num_threads(r.threads)
  {
    std::vector<const T*> rows(r.choices);
    std::vector<typename Accumulator<T>::type> factors(r.choices);
#pragma omp for schedule(static)
    for (int64_t s = 0; s < r.tokens; s++) {
      fetchRows(r, s + 1, buffer);
      int64_t count = 0;
      for (int64_t k = s * r.choices; k < (s + 1) * r.choices; k++) {
        if (r.slots[k] < 0) continue;
        rows[count] = buffer + r.slots[k] * r.width;
        factors[count++] = weights ? weights[k] : 1;
      }
      T* out = tokens + s * r.width;
      if (count == 0) {
        std::memset(out, 0, r.width * sizeof(T));
      } else {
        sumOf(out, rows.data(), factors.data(), count, r.width);
      }
    }
  }
}

// Dot products of each token's gradient with the rows of its slots.
template <typename T>
void weightGradient(
    const Routing& r, const T* gradient, const T* buffer, typename Accumulator<T>::type* dots) {
#pragma omp parallel for num_threads(r.threads) schedule(static)
  for (int64_t s = 0; s < r.tokens; s++) {
    fetchRows(r, s + 1, buffer);
    for (int64_t k = s * r.choices; k < (s + 1) * r.choices; k++) {
      dots[k] = r.slots[k] < 0
          ? 0
          : dot(gradient + s * r.width, buffer + r.slots[k] * r.width, r.width);
    }
  }
}
