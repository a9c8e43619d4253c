// What is done to one row of M elements. Sums are f32 for f32 and bf16, f64 for f64.
#pragma once

#include <cstddef>
#include <cstdint>

struct bf16 {
  uint16_t bits;
};

// The type in which rows of T are added up.
template <typename T> struct Accumulator { using type = T; };
template <> struct Accumulator<bf16> { using type = float; };

// out = weight * in
void scale(float* out, const float* in, float weight, size_t n);
void scale(double* out, const double* in, double weight, size_t n);
void scale(bf16* out, const bf16* in, float weight, size_t n);

// out = the sum of weight * row over at least one row, rounded once: to nearest, ties to even.
void sumOf(float* out, const float* const* rows, const float* weights, size_t count, size_t n);
void sumOf(double* out, const double* const* rows, const double* weights, size_t count, size_t n);
void sumOf(bf16* out, const bf16* const* rows, const float* weights, size_t count, size_t n);

float dot(const float* a, const float* b, size_t n);
double dot(const double* a, const double* b, size_t n);
float dot(const bf16* a, const bf16* b, size_t n);

// The two largest of values, and the first index of the largest.
struct TwoLargest {
  size_t index;
  double largest;
  double second;
};

// Of scores - prices, which are finite; of one value the second is -infinity.
TwoLargest twoLargestDifferences(const double* scores, const double* prices, size_t n);

// How many keys are at least least.
int64_t countFrom(const uint32_t* keys, uint32_t least, size_t n);
int64_t countFrom(const uint64_t* keys, uint64_t least, size_t n);
