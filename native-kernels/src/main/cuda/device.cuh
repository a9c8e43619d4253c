// The device as kernels see it: CUDA under nvcc, an emulation on the CPU under any other compiler.
#pragma once

#include <initializer_list>

#include "device_kernels.h"

#ifdef __CUDACC__
#include <cuda_bf16.h>
#include <cuda_runtime.h>

#define SPARKMOE_FLAVOUR "cuda"
#define SPARKMOE_LAUNCH(kernel, blocks, threads, stream, ...) \
  kernel<<<(blocks), (threads), 0, static_cast<cudaStream_t>(stream)>>>(__VA_ARGS__)
#else
#include "emulation.h"
#endif

namespace sparkmoe {

constexpr int WARP = 32;
constexpr unsigned ALL_LANES = 0xffffffffu;
constexpr int THREADS = 256;
constexpr int WARPS = THREADS / WARP;
// Enough to fill any device; kernels stride over what is left.
constexpr int64_t MAX_BLOCKS = 1 << 16;

inline int blocks_for(int64_t work, int64_t per_block) {
  int64_t blocks = (work + per_block - 1) / per_block;
  return static_cast<int>(blocks < MAX_BLOCKS ? blocks : MAX_BLOCKS);
}

__device__ __forceinline__ int lane() { return threadIdx.x % WARP; }

// This warp among those of the grid.
__device__ __forceinline__ int64_t warp() {
  return static_cast<int64_t>(blockIdx.x) * (blockDim.x / WARP) + threadIdx.x / WARP;
}

__device__ __forceinline__ int64_t warps() {
  return static_cast<int64_t>(gridDim.x) * (blockDim.x / WARP);
}

// In what sums over rows of T are taken, and how T widens to it.
template <typename T>
struct Sum {
  using type = float;
};
template <>
struct Sum<double> {
  using type = double;
};

__device__ __forceinline__ float widen(float x) { return x; }
__device__ __forceinline__ double widen(double x) { return x; }
__device__ __forceinline__ float widen(__nv_bfloat16 x) { return __bfloat162float(x); }

__device__ __forceinline__ void narrow(float x, float& out) { out = x; }
__device__ __forceinline__ void narrow(double x, double& out) { out = x; }
__device__ __forceinline__ void narrow(float x, __nv_bfloat16& out) { out = __float2bfloat16(x); }

// V neighbours of a row, moved by one instruction.
template <typename T, int V>
struct alignas(sizeof(T) * V) Pack {
  T v[V];
};

template <typename S>
__device__ __forceinline__ S warp_sum(S value) {
  for (int distance = WARP / 2; distance > 0; distance /= 2) {
    value += __shfl_xor_sync(ALL_LANES, value, distance);
  }
  return value;
}

__device__ __forceinline__ float warp_max(float value) {
  for (int distance = WARP / 2; distance > 0; distance /= 2) {
    value = fmaxf(value, __shfl_xor_sync(ALL_LANES, value, distance));
  }
  return value;
}

// What `fault` holds before anything was reported.
constexpr int64_t NO_FAULT = INT64_MIN;

// Whether `index` is to be used; one that is neither -1 nor below `limit` is reported.
__device__ __forceinline__ bool usable(int64_t index, int64_t limit, int64_t* fault) {
  if (index >= 0 && index < limit) {
    return true;
  }
  if (index != -1) {
    atomicCAS(reinterpret_cast<unsigned long long*>(fault),
              static_cast<unsigned long long>(NO_FAULT), static_cast<unsigned long long>(index));
  }
  return false;
}

// Whether rows of `width` elements can be moved 16 bytes at a time from all these addresses.
template <typename T>
bool packs(int64_t width, std::initializer_list<const void*> addresses) {
  bool fits = width * sizeof(T) % 16 == 0;
  for (const void* address : addresses) {
    fits = fits && reinterpret_cast<uintptr_t>(address) % 16 == 0;
  }
  return fits;
}

// Calls `body` with the packing and the type of the elements.
template <typename T, typename Body>
int with_packing(bool packed, Body body) {
  if (packed) {
    body.template operator()<T, 16 / sizeof(T)>();
  } else {
    body.template operator()<T, 1>();
  }
  return cudaGetLastError();
}

template <typename Body>
int with_type(int type, Body body) {
  switch (type) {
    case SPARKMOE_F32:
      return body.template operator()<float>();
    case SPARKMOE_F64:
      return body.template operator()<double>();
    case SPARKMOE_BF16:
      return body.template operator()<__nv_bfloat16>();
    default:
      return cudaErrorInvalidValue;
  }
}

}  // namespace sparkmoe
