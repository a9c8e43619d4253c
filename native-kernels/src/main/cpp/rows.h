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
void scale(float* out, const bf16* in, float weight, size_t n);
void scale(bf16* out, const bf16* in, float weight, size_t n);

// sum += weight * in
void addScaled(float* sum, const float* in, float weight, size_t n);
void addScaled(double* sum, const double* in, double weight, size_t n);
void addScaled(float* sum, const bf16* in, float weight, size_t n);

// Rounds to nearest, ties to even.
void narrow(bf16* out, const float* in, size_t n);

float dot(const float* a, const float* b, size_t n);
double dot(const double* a, const double* b, size_t n);
float dot(const bf16* a, const bf16* b, size_t n);
