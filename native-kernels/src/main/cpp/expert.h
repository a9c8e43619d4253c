// SwiGLU between an expert's matrix products. f32 and bf16 are computed in f32, f64 in f64.
#pragma once

#include "rows.h"

// active = silu(gate) * up
void swiGlu(const float* gate, const float* up, float* active, size_t n);
void swiGlu(const double* gate, const double* up, double* active, size_t n);
void swiGlu(const bf16* gate, const bf16* up, bf16* active, size_t n);

// The gradients of gate and up overwrite them.
void swiGluGradient(const float* activeGradient, float* gate, float* up, size_t n);
void swiGluGradient(const double* activeGradient, double* gate, double* up, size_t n);
void swiGluGradient(const bf16* activeGradient, bf16* gate, bf16* up, size_t n);
