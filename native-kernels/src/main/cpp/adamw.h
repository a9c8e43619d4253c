// The update of AdamW in one pass.
#pragma once

#include "rows.h"

struct AdamWFactors {
  double gradient, decay, beta1, beta2, epsilon, step;
};

// g = gradient * g, m += (1 - beta1) * (g - m), v = beta2 * v + (1 - beta2) * g * g,
// w = decay * w - step * m / (sqrt(v) + epsilon).
void adamW(
    const AdamWFactors& factors, float* w, const float* g, float* m, float* v, size_t n);
void adamW(
    const AdamWFactors& factors, double* w, const double* g, double* m, double* v, size_t n);

// Rounds to bf16.
void copyNarrowed(const float* from, bf16* to, size_t n);
void copyNarrowed(const double* from, bf16* to, size_t n);
