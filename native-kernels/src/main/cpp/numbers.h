// Numbers in and out of the types in which sums are taken.
#pragma once

#include <cstring>

#include "rows.h"

// One object file for all machines: the loader picks the widest version that the processor has.
// Compiled without contraction to fused multiply-adds, every version gives the same bits.
#if defined(__x86_64__)
#define FOR_EACH_PROCESSOR __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define FOR_EACH_PROCESSOR
#endif

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

// Rounds to nearest, ties to even.
inline void store(float* out, float value) { *out = value; }
inline void store(double* out, double value) { *out = value; }
inline void store(bf16* out, float value) { *out = narrowed(value); }
