// SwiGLU of the experts, forward and backward in one pass each, the re-layout of 2DH, and the end of
// a buffer of rows that is not full.
#include "device.cuh"
#include "kernels.h"

namespace sparkmoe {

template <typename S>
__device__ __forceinline__ S sigmoid(S x) {
  return S(1) / (S(1) + exp(-x));
}

// silu(gate) * up, in f32 for bf16, rounded once.
template <typename T, int V>
__global__ void swiglu_kernel(const T* __restrict__ gate, const T* __restrict__ up,
                              T* __restrict__ active, int64_t batch, int64_t n,
                              int64_t gate_stride, int64_t up_stride, int64_t active_stride) {
  using Row = Pack<T, V>;
  using S = typename Sum<T>::type;
  int64_t per_batch = n / V;
  int64_t step = static_cast<int64_t>(gridDim.x) * blockDim.x;
  for (int64_t i = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
       i < batch * per_batch; i += step) {
    int64_t b = i / per_batch;
    int64_t c = i % per_batch;
    Row g = reinterpret_cast<const Row*>(gate + b * gate_stride)[c];
    Row u = reinterpret_cast<const Row*>(up + b * up_stride)[c];
    Row out;
    for (int j = 0; j < V; j++) {
      S x = widen(g.v[j]);
      narrow(x * sigmoid(x) * widen(u.v[j]), out.v[j]);
    }
    reinterpret_cast<Row*>(active + b * active_stride)[c] = out;
  }
}

// With s = sigmoid(gate): d gate = d * up * s * (1 + gate * (1 - s)), d up = d * gate * s.
template <typename T, int V>
__global__ void swiglu_gradient_kernel(const T* __restrict__ gradient, T* gate, T* up,
                                       int64_t batch, int64_t n, int64_t gradient_stride,
                                       int64_t gate_stride, int64_t up_stride) {
  using Row = Pack<T, V>;
  using S = typename Sum<T>::type;
  int64_t per_batch = n / V;
  int64_t step = static_cast<int64_t>(gridDim.x) * blockDim.x;
  for (int64_t i = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
       i < batch * per_batch; i += step) {
    int64_t b = i / per_batch;
    int64_t c = i % per_batch;
    Row d = reinterpret_cast<const Row*>(gradient + b * gradient_stride)[c];
    Row* gates = reinterpret_cast<Row*>(gate + b * gate_stride) + c;
    Row* ups = reinterpret_cast<Row*>(up + b * up_stride) + c;
    Row g = *gates;
    Row u = *ups;
    for (int j = 0; j < V; j++) {
      S x = widen(g.v[j]);
      S y = widen(u.v[j]);
      S flow = widen(d.v[j]);
      S s = sigmoid(x);
      narrow(flow * y * s * (S(1) + x * (S(1) - s)), g.v[j]);
      narrow(flow * x * s, u.v[j]);
    }
    *gates = g;
    *ups = u;
  }
}

template <typename Word>
__global__ void transpose_blocks_kernel(const Word* __restrict__ input, int64_t outer,
                                        int64_t inner, int64_t words, Word* __restrict__ output) {
  int64_t step = static_cast<int64_t>(gridDim.x) * blockDim.x;
  for (int64_t i = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
       i < outer * inner * words; i += step) {
    int64_t to = i / words;
    int64_t from = (to % outer) * inner + to / outer;
    output[i] = input[from * words + i % words];
  }
}

// Blocks have nothing to do where the rows are full.
template <typename Word>
__global__ void clear_after_kernel(const int32_t* __restrict__ ends, int groups, int64_t rows,
                                   int64_t words, Word* __restrict__ values) {
  int64_t step = static_cast<int64_t>(gridDim.x) * blockDim.x;
  for (int64_t i = ends[groups - 1] * words + static_cast<int64_t>(blockIdx.x) * blockDim.x +
                   threadIdx.x;
       i < rows * words; i += step) {
    values[i] = Word{};
  }
}

int swiglu(void* stream, int type, const void* gate, const void* up, void* active, int64_t batch,
           int64_t n, int64_t gate_stride, int64_t up_stride, int64_t active_stride) {
  if (batch == 0 || n == 0) {
    return cudaSuccess;
  }
  return with_type(type, [&]<typename T>() {
    bool packed = packs<T>(n, {gate, up, active}) && packs<T>(gate_stride, {}) &&
                  packs<T>(up_stride, {}) && packs<T>(active_stride, {});
    return with_packing<T>(packed, [&]<typename U, int V>() {
      SPARKMOE_LAUNCH((swiglu_kernel<U, V>), blocks_for(batch * n / V, THREADS), THREADS, stream,
                      static_cast<const U*>(gate), static_cast<const U*>(up),
                      static_cast<U*>(active), batch, n, gate_stride, up_stride, active_stride);
    });
  });
}

int swiglu_gradient(void* stream, int type, const void* active_gradient, void* gate, void* up,
                    int64_t batch, int64_t n, int64_t gradient_stride, int64_t gate_stride,
                    int64_t up_stride) {
  if (batch == 0 || n == 0) {
    return cudaSuccess;
  }
  return with_type(type, [&]<typename T>() {
    bool packed = packs<T>(n, {active_gradient, gate, up}) && packs<T>(gradient_stride, {}) &&
                  packs<T>(gate_stride, {}) && packs<T>(up_stride, {});
    return with_packing<T>(packed, [&]<typename U, int V>() {
      SPARKMOE_LAUNCH((swiglu_gradient_kernel<U, V>), blocks_for(batch * n / V, THREADS), THREADS,
                      stream, static_cast<const U*>(active_gradient), static_cast<U*>(gate),
                      static_cast<U*>(up), batch, n, gradient_stride, gate_stride, up_stride);
    });
  });
}

int clear_after(void* stream, const int32_t* ends, int groups, int64_t rows, int64_t row_bytes,
                void* values) {
  int64_t bytes = rows * row_bytes;
  if (bytes == 0) {
    return cudaSuccess;
  }
  // Mostly for nothing, so that a thread takes several words.
  if (packs<char>(row_bytes, {values})) {
    using Word = Pack<uint32_t, 4>;
    SPARKMOE_LAUNCH(clear_after_kernel<Word>, blocks_for(bytes / 16, 32 * THREADS), THREADS,
                    stream, ends, groups, rows, row_bytes / 16, static_cast<Word*>(values));
  } else {
    SPARKMOE_LAUNCH(clear_after_kernel<char>, blocks_for(bytes, 32 * THREADS), THREADS, stream,
                    ends, groups, rows, row_bytes, static_cast<char*>(values));
  }
  return cudaGetLastError();
}

int transpose_blocks(void* stream, const void* input, int64_t outer, int64_t inner,
                     int64_t block_bytes, void* output) {
  int64_t bytes = outer * inner * block_bytes;
  if (bytes == 0) {
    return cudaSuccess;
  }
  if (packs<char>(block_bytes, {input, output})) {
    using Word = Pack<uint32_t, 4>;
    SPARKMOE_LAUNCH(transpose_blocks_kernel<Word>, blocks_for(bytes / 16, THREADS), THREADS,
                    stream, static_cast<const Word*>(input), outer, inner, block_bytes / 16,
                    static_cast<Word*>(output));
  } else {
    SPARKMOE_LAUNCH(transpose_blocks_kernel<char>, blocks_for(bytes, THREADS), THREADS, stream,
                    static_cast<const char*>(input), outer, inner, block_bytes,
                    static_cast<char*>(output));
  }
  return cudaGetLastError();
}

}  // namespace sparkmoe
