// Order and Inverse Order with the weighting fused, forward and backward.
//
// Each is one pass over memory: a warp owns a row and moves it 16 bytes a lane. Rows of the buffer
// are gathered by a map from slots to assignments instead of scattered from tokens, so that rows
// which nobody uses are written (with zeros) by the same pass.
#include "device.cuh"
#include "kernels.h"

namespace sparkmoe {

__global__ void slot_map_kernel(const int64_t* __restrict__ slots_of_tokens, int64_t assignments,
                                int64_t slots, int32_t* __restrict__ map, int64_t* fault) {
  int64_t step = static_cast<int64_t>(gridDim.x) * blockDim.x;
  for (int64_t i = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; i < assignments;
       i += step) {
    int64_t slot = slots_of_tokens[i];
    if (usable(slot, slots, fault)) {
      map[slot] = static_cast<int32_t>(i);
    }
  }
}

template <typename T, int V, bool WEIGHTED>
__global__ void order_kernel(const T* __restrict__ tokens, const int32_t* __restrict__ map,
                             const typename Sum<T>::type* __restrict__ weights, int64_t slots,
                             int64_t width, int choices, T* __restrict__ buffer) {
  using Row = Pack<T, V>;
  int64_t packs = width / V;
  for (int64_t slot = warp(); slot < slots; slot += warps()) {
    int assignment = map[slot];
    const Row* from = reinterpret_cast<const Row*>(tokens) + (assignment / choices) * packs;
    Row* to = reinterpret_cast<Row*>(buffer) + slot * packs;
    typename Sum<T>::type weight = WEIGHTED && assignment >= 0 ? weights[assignment] : 0;
#pragma unroll 4
    for (int64_t c = lane(); c < packs; c += WARP) {
      Row row{};
      if (assignment >= 0) {
        row = from[c];
        for (int i = 0; WEIGHTED && i < V; i++) {
          narrow(widen(row.v[i]) * weight, row.v[i]);
        }
      }
      to[c] = row;
    }
  }
}

template <typename T, int V, bool WEIGHTED>
__global__ void inverse_order_kernel(const T* __restrict__ buffer,
                                     const int64_t* __restrict__ slots_of_tokens,
                                     const typename Sum<T>::type* __restrict__ weights,
                                     int64_t tokens, int choices, int64_t width, int64_t slots,
                                     T* __restrict__ output, int64_t* fault) {
  using Row = Pack<T, V>;
  int64_t packs = width / V;
  for (int64_t token = warp(); token < tokens; token += warps()) {
    const int64_t* own = slots_of_tokens + token * choices;
    for (int64_t c = lane(); c < packs; c += WARP) {
      typename Sum<T>::type sum[V] = {};
      for (int k = 0; k < choices; k++) {
        if (usable(own[k], slots, fault)) {
          Row row = reinterpret_cast<const Row*>(buffer)[own[k] * packs + c];
          for (int i = 0; i < V; i++) {
            sum[i] += WEIGHTED ? widen(row.v[i]) * weights[token * choices + k] : widen(row.v[i]);
          }
        }
      }
      Row row;
      for (int i = 0; i < V; i++) {
        narrow(sum[i], row.v[i]);
      }
      reinterpret_cast<Row*>(output)[token * packs + c] = row;
    }
  }
}

template <typename T, int V>
__global__ void weight_gradient_kernel(const T* __restrict__ gradient,
                                       const T* __restrict__ buffer,
                                       const int64_t* __restrict__ slots_of_tokens, int64_t tokens,
                                       int choices, int64_t width, int64_t slots,
                                       typename Sum<T>::type* __restrict__ dots, int64_t* fault) {
  using Row = Pack<T, V>;
  int64_t packs = width / V;
  for (int64_t assignment = warp(); assignment < tokens * choices; assignment += warps()) {
    int64_t slot = slots_of_tokens[assignment];
    typename Sum<T>::type dot = 0;
    if (usable(slot, slots, fault)) {
      const Row* of_token = reinterpret_cast<const Row*>(gradient) + assignment / choices * packs;
      const Row* of_slot = reinterpret_cast<const Row*>(buffer) + slot * packs;
      for (int64_t c = lane(); c < packs; c += WARP) {
        Row left = of_token[c];
        Row right = of_slot[c];
        for (int i = 0; i < V; i++) {
          dot += widen(left.v[i]) * widen(right.v[i]);
        }
      }
    }
    dot = warp_sum(dot);
    if (lane() == 0) {
      dots[assignment] = dot;
    }
  }
}

int slot_map(void* stream, const int64_t* slots_of_tokens, int64_t assignments, int64_t slots,
             int32_t* map, int64_t* fault) {
  if (slots > 0) {
    cudaMemsetAsync(map, 0xff, slots * sizeof(int32_t), static_cast<cudaStream_t>(stream));
  }
  if (assignments > 0) {
    SPARKMOE_LAUNCH(slot_map_kernel, blocks_for(assignments, THREADS), THREADS, stream,
                    slots_of_tokens, assignments, slots, map, fault);
  }
  return cudaGetLastError();
}

int order(void* stream, int type, const void* tokens, const int32_t* map, const void* weights,
          int64_t slots, int64_t width, int choices, void* buffer) {
  if (slots == 0 || width == 0) {
    return cudaSuccess;
  }
  int blocks = blocks_for(slots, WARPS);
  return with_type(type, [&]<typename T>() {
    const T* from = static_cast<const T*>(tokens);
    auto* w = static_cast<const typename Sum<T>::type*>(weights);
    T* to = static_cast<T*>(buffer);
    return with_packing<T>(packs<T>(width, {tokens, buffer}), [&]<typename U, int V>() {
      if (w == nullptr) {
        SPARKMOE_LAUNCH((order_kernel<U, V, false>), blocks, THREADS, stream, from, map, w, slots,
                        width, choices, to);
      } else {
        SPARKMOE_LAUNCH((order_kernel<U, V, true>), blocks, THREADS, stream, from, map, w, slots,
                        width, choices, to);
      }
    });
  });
}

int inverse_order(void* stream, int type, const void* buffer, const int64_t* slots_of_tokens,
                  const void* weights, int64_t tokens, int choices, int64_t width, int64_t slots,
                  void* output, int64_t* fault) {
  if (tokens == 0 || width == 0) {
    return cudaSuccess;
  }
  int blocks = blocks_for(tokens, WARPS);
  return with_type(type, [&]<typename T>() {
    const T* from = static_cast<const T*>(buffer);
    auto* w = static_cast<const typename Sum<T>::type*>(weights);
    T* to = static_cast<T*>(output);
    return with_packing<T>(packs<T>(width, {buffer, output}), [&]<typename U, int V>() {
      if (w == nullptr) {
        SPARKMOE_LAUNCH((inverse_order_kernel<U, V, false>), blocks, THREADS, stream, from,
                        slots_of_tokens, w, tokens, choices, width, slots, to, fault);
      } else {
        SPARKMOE_LAUNCH((inverse_order_kernel<U, V, true>), blocks, THREADS, stream, from,
                        slots_of_tokens, w, tokens, choices, width, slots, to, fault);
      }
    });
  });
}

int weight_gradient(void* stream, int type, const void* gradient, const void* buffer,
                    const int64_t* slots_of_tokens, int64_t tokens, int choices, int64_t width,
                    int64_t slots, void* dots, int64_t* fault) {
  if (tokens == 0) {
    return cudaSuccess;
  }
  int blocks = blocks_for(tokens * choices, WARPS);
  return with_type(type, [&]<typename T>() {
    const T* left = static_cast<const T*>(gradient);
    const T* right = static_cast<const T*>(buffer);
    auto* out = static_cast<typename Sum<T>::type*>(dots);
    return with_packing<T>(packs<T>(width, {gradient, buffer}), [&]<typename U, int V>() {
      SPARKMOE_LAUNCH((weight_gradient_kernel<U, V>), blocks, THREADS, stream, left, right,
                      slots_of_tokens, tokens, choices, width, slots, out, fault);
    });
  });
}

}  // namespace sparkmoe
