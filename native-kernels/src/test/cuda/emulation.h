// CUDA on the CPU, for tests of kernels where there is no GPU.
//
// The threads of a block run as fibers of one host thread, one block after another. A fiber runs
// until it waits: __syncthreads waits for the block, a shuffle for the warp. If all fibers wait and
// none can go on, as when not all threads of a block reach a __syncthreads, the launch fails.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <functional>

// Defined by a build that takes the emulation for the library of a GPU (benchmarks/fake-gpu).
#ifndef SPARKMOE_FLAVOUR
#define SPARKMOE_FLAVOUR "emulation"
#endif
#define __global__
#define __device__
#define __forceinline__ inline
#define __shared__ static thread_local

using cudaStream_t = void*;
using cudaError_t = int;
constexpr int cudaSuccess = 0;
constexpr int cudaErrorInvalidValue = 1;
constexpr int cudaErrorLaunchFailure = 719;

struct __nv_bfloat16 {
  uint16_t bits;
};

inline float __bfloat162float(__nv_bfloat16 x) {
  uint32_t wide = static_cast<uint32_t>(x.bits) << 16;
  float value;
  std::memcpy(&value, &wide, sizeof value);
  return value;
}

// To the nearest, ties to even; a NaN stays one.
inline __nv_bfloat16 __float2bfloat16(float x) {
  uint32_t wide;
  std::memcpy(&wide, &x, sizeof wide);
  if (std::isnan(x)) {
    return {0x7fff};
  }
  return {static_cast<uint16_t>((wide + 0x7fff + ((wide >> 16) & 1)) >> 16)};
}

using std::isnan;

namespace sparkmoe::emulation {

struct Index {
  unsigned x;
};

struct Place {
  Index thread;
  Index block;
  Index blocks;
  Index threads;
};

// Of the fiber that is running.
const Place& place();
void sync_block();
// What `source` of this warp passed, once all its lanes have passed theirs.
uint64_t exchange(uint64_t value, unsigned source);
void launch(int blocks, int threads, const std::function<void()>& kernel);
// The first failure since the last call.
int take_error();

template <typename T>
T shuffle(T value, unsigned source) {
  static_assert(sizeof(T) <= sizeof(uint64_t));
  uint64_t bits = 0;
  std::memcpy(&bits, &value, sizeof value);
  bits = exchange(bits, source);
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

}  // namespace sparkmoe::emulation

#define threadIdx (sparkmoe::emulation::place().thread)
#define blockIdx (sparkmoe::emulation::place().block)
#define gridDim (sparkmoe::emulation::place().blocks)
#define blockDim (sparkmoe::emulation::place().threads)

#define SPARKMOE_LAUNCH(kernel, grid, block, stream, ...) \
  sparkmoe::emulation::launch(grid, block, [=] { kernel(__VA_ARGS__); })

inline void __syncthreads() { sparkmoe::emulation::sync_block(); }

template <typename T>
T __shfl_sync(unsigned, T value, int source) {
  return sparkmoe::emulation::shuffle(value, source);
}

template <typename T>
T __shfl_xor_sync(unsigned, T value, int mask) {
  return sparkmoe::emulation::shuffle(value, (threadIdx.x % 32) ^ mask);
}

template <typename T>
T __shfl_up_sync(unsigned, T value, unsigned distance) {
  unsigned lane = threadIdx.x % 32;
  return sparkmoe::emulation::shuffle(value, lane < distance ? lane : lane - distance);
}

template <typename T>
T atomicCAS(T* address, T expected, T desired) {
  T old = *address;
  if (old == expected) {
    *address = desired;
  }
  return old;
}

template <typename T>
T atomicAdd(T* address, T value) {
  T old = *address;
  *address += value;
  return old;
}

inline int cudaMemsetAsync(void* address, int value, size_t bytes, cudaStream_t) {
  std::memset(address, value, bytes);
  return cudaSuccess;
}

inline int cudaGetLastError() { return sparkmoe::emulation::take_error(); }

inline int cudaGetDeviceCount(int* count) {
  *count = 1;
  return cudaSuccess;
}

inline const char* cudaGetErrorString(int code) {
  switch (code) {
    case cudaSuccess:
      return "no error";
    case cudaErrorInvalidValue:
      return "invalid argument";
    default:
      return "threads of a block wait for each other for ever";
  }
}
