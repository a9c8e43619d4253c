#include "rows.h"

#include <cstring>

// One object file for all machines: the loader picks the widest version that the processor has.
// Compiled without contraction to fused multiply-adds, every version gives the same bits.
#if defined(__x86_64__)
#define FOR_EACH_PROCESSOR __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define FOR_EACH_PROCESSOR
#endif

namespace {

// Independent partial sums, so that a dot product fills vector registers in a fixed order.
constexpr size_t LANES = 32;

inline float widen(bf16 value) {
  uint32_t bits = static_cast<uint32_t>(value.bits) << 16;
  float result;
  std::memcpy(&result, &bits, sizeof result);
  return result;
}

inline float widen(float value) { return value; }
inline double widen(double value) { return value; }

inline bf16 narrowed(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  uint32_t rounded = (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
  // Rounding may carry the payload of a NaN away.
  bool nan = (bits & 0x7fffffff) > 0x7f800000;
  return {static_cast<uint16_t>(nan ? 0x7fc0 : rounded)};
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

FOR_EACH_PROCESSOR void scale(float* __restrict out, const bf16* __restrict in, float w, size_t n) {
  for (size_t i = 0; i < n; i++) out[i] = w * widen(in[i]);
}

FOR_EACH_PROCESSOR void scale(bf16* __restrict out, const bf16* __restrict in, float w, size_t n) {
  for (size_t i = 0; i < n; i++) out[i] = narrowed(w * widen(in[i]));
}

FOR_EACH_PROCESSOR void addScaled(
    float* __restrict sum, const float* __restrict in, float w, size_t n) {
  for (size_t i = 0; i < n; i++) sum[i] += w * in[i];
}

FOR_EACH_PROCESSOR void addScaled(
    double* __restrict sum, const double* __restrict in, double w, size_t n) {
  for (size_t i = 0; i < n; i++) sum[i] += w * in[i];
}

FOR_EACH_PROCESSOR void addScaled(
    float* __restrict sum, const bf16* __restrict in, float w, size_t n) {
  for (size_t i = 0; i < n; i++) sum[i] += w * widen(in[i]);
}

FOR_EACH_PROCESSOR void narrow(bf16* __restrict out, const float* __restrict in, size_t n) {
  for (size_t i = 0; i < n; i++) out[i] = narrowed(in[i]);
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
