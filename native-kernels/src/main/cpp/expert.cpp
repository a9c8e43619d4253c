#include "expert.h"

#include <cmath>
#include <cstring>

#include "numbers.h"

namespace {

// exp(x) that compilers turn into vectors. Range reduction to |r| <= ln(2)/2 and the polynomial are
// those of the Cephes library; beyond the range of f32 the ends of the range are taken. NaN stays.
inline __attribute__((always_inline)) float expOf(float x) {
  x = x < -87.0f ? -87.0f : x;
  x = x > 88.0f ? 88.0f : x;
  // Adding 1.5 * 2^23 rounds to an integer, which then stands in the low bits.
  const float shift = 12582912.0f;
  float shifted = x * 1.44269504088896341f + shift;
  float n = shifted - shift;
  float r = (x - n * 0.693359375f) + n * 2.12194440e-4f;
  float p = 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * (r * r) + r + 1.0f;
  uint32_t bits;
  std::memcpy(&bits, &shifted, sizeof bits);
  bits = (bits - 0x4b400000u + 127u) << 23;
  float power;
  std::memcpy(&power, &bits, sizeof power);
  return p * power;
}

inline double expOf(double x) { return std::exp(x); }

template <typename T> using AccumulatorOf = typename Accumulator<T>::type;

template <typename T>
inline __attribute__((always_inline)) void forward(
    const T* __restrict gate, const T* __restrict up, T* __restrict active, size_t n) {
  using A = AccumulatorOf<T>;
  for (size_t i = 0; i < n; i++) {
    A x = widen(gate[i]);
    A y = x / (A(1) + expOf(-x)) * widen(up[i]);
    store(&active[i], y);
  }
}

template <typename T>
inline __attribute__((always_inline)) void backward(
    const T* __restrict gradient, T* __restrict gate, T* __restrict up, size_t n) {
  using A = AccumulatorOf<T>;
  for (size_t i = 0; i < n; i++) {
    A x = widen(gate[i]);
    A g = widen(gradient[i]);
    A sigmoid = A(1) / (A(1) + expOf(-x));
    A gateGradient = g * widen(up[i]) * (sigmoid * (A(1) + x * (A(1) - sigmoid)));
    store(&gate[i], gateGradient);
    store(&up[i], x * sigmoid * g);
  }
}

}  // namespace

FOR_EACH_PROCESSOR void swiGlu(const float* gate, const float* up, float* active, size_t n) {
  forward(gate, up, active, n);
}

FOR_EACH_PROCESSOR void swiGlu(const double* gate, const double* up, double* active, size_t n) {
  forward(gate, up, active, n);
}

FOR_EACH_PROCESSOR void swiGlu(const bf16* gate, const bf16* up, bf16* active, size_t n) {
  forward(gate, up, active, n);
}

FOR_EACH_PROCESSOR void swiGluGradient(
    const float* activeGradient, float* gate, float* up, size_t n) {
  backward(activeGradient, gate, up, n);
}

FOR_EACH_PROCESSOR void swiGluGradient(
    const double* activeGradient, double* gate, double* up, size_t n) {
  backward(activeGradient, gate, up, n);
}

FOR_EACH_PROCESSOR void swiGluGradient(
    const bf16* activeGradient, bf16* gate, bf16* up, size_t n) {
  backward(activeGradient, gate, up, n);
}
