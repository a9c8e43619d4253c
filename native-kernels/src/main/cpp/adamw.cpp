#include "adamw.h"

#include <cmath>

#include "numbers.h"

namespace {

template <typename T>
inline __attribute__((always_inline)) void update(
    const AdamWFactors& factors, T* __restrict w, const T* __restrict g, T* __restrict m,
    T* __restrict v, size_t n) {
  const T gradient = static_cast<T>(factors.gradient);
  const T decay = static_cast<T>(factors.decay);
  const T new1 = static_cast<T>(1 - factors.beta1);
  const T beta2 = static_cast<T>(factors.beta2);
  const T new2 = static_cast<T>(1 - factors.beta2);
  const T epsilon = static_cast<T>(factors.epsilon);
  const T step = static_cast<T>(factors.step);
  for (size_t i = 0; i < n; i++) {
    T d = gradient * g[i];
    T first = m[i] + new1 * (d - m[i]);
    T second = beta2 * v[i] + new2 * d * d;
    m[i] = first;
    v[i] = second;
    w[i] = decay * w[i] - step * (first / (std::sqrt(second) + epsilon));
  }
}

template <typename T>
inline __attribute__((always_inline)) void narrowAll(
    const T* __restrict from, bf16* __restrict to, size_t n) {
  for (size_t i = 0; i < n; i++) store(&to[i], static_cast<float>(from[i]));
}

}  // namespace

FOR_EACH_PROCESSOR void adamW(
    const AdamWFactors& factors, float* w, const float* g, float* m, float* v, size_t n) {
  update(factors, w, g, m, v, n);
}

FOR_EACH_PROCESSOR void adamW(
    const AdamWFactors& factors, double* w, const double* g, double* m, double* v, size_t n) {
  update(factors, w, g, m, v, n);
}

FOR_EACH_PROCESSOR void copyNarrowed(const float* from, bf16* to, size_t n) {
  narrowAll(from, to, n);
}

FOR_EACH_PROCESSOR void copyNarrowed(const double* from, bf16* to, size_t n) {
  narrowAll(from, to, n);
}
