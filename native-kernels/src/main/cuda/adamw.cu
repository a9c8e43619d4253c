// The update of AdamW in one pass: moments, weights, and their copy in bf16.
#include "device.cuh"
#include "kernels.h"

namespace sparkmoe {

template <typename T>
struct AdamWFactors {
  T gradient, decay, new1, beta2, new2, epsilon, step;
};

template <typename T, int V>
__global__ void adamw_kernel(int64_t packs, AdamWFactors<T> f, T* __restrict__ values,
                             const T* __restrict__ gradients, T* __restrict__ first,
                             T* __restrict__ second, __nv_bfloat16* __restrict__ copy) {
  using Row = Pack<T, V>;
  int64_t stride = static_cast<int64_t>(gridDim.x) * blockDim.x;
  for (int64_t i = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; i < packs;
       i += stride) {
    Row w = reinterpret_cast<const Row*>(values)[i];
    Row g = reinterpret_cast<const Row*>(gradients)[i];
    Row m = reinterpret_cast<const Row*>(first)[i];
    Row v = reinterpret_cast<const Row*>(second)[i];
    Pack<__nv_bfloat16, V> narrowed;
    for (int j = 0; j < V; j++) {
      T d = f.gradient * g.v[j];
      m.v[j] += f.new1 * (d - m.v[j]);
      v.v[j] = f.beta2 * v.v[j] + f.new2 * d * d;
      w.v[j] = f.decay * w.v[j] - f.step * (m.v[j] / (sqrt(v.v[j]) + f.epsilon));
      narrow(static_cast<float>(w.v[j]), narrowed.v[j]);
    }
    reinterpret_cast<Row*>(values)[i] = w;
    reinterpret_cast<Row*>(first)[i] = m;
    reinterpret_cast<Row*>(second)[i] = v;
    if (copy != nullptr) {
      reinterpret_cast<Pack<__nv_bfloat16, V>*>(copy)[i] = narrowed;
    }
  }
}

template <typename T>
int adamw_of(void* stream, int64_t n, const double* f, void* values, const void* gradients,
             void* first_moments, void* second_moments, void* copy) {
  AdamWFactors<T> factors = {
      static_cast<T>(f[0]),     static_cast<T>(f[1]), static_cast<T>(1 - f[2]),
      static_cast<T>(f[3]),     static_cast<T>(1 - f[3]), static_cast<T>(f[4]),
      static_cast<T>(f[5]),
  };
  bool packed = packs<T>(n, {values, gradients, first_moments, second_moments, copy});
  return with_packing<T>(packed, [&]<typename U, int V>() {
    SPARKMOE_LAUNCH((adamw_kernel<U, V>), blocks_for(n / V, THREADS), THREADS, stream, n / V,
                    factors, static_cast<U*>(values), static_cast<const U*>(gradients),
                    static_cast<U*>(first_moments), static_cast<U*>(second_moments),
                    static_cast<__nv_bfloat16*>(copy));
  });
}

int adamw(void* stream, int type, int64_t n, const double* factors, void* values,
          const void* gradients, void* first_moments, void* second_moments, void* copy) {
  if (n == 0) {
    return cudaSuccess;
  }
  switch (type) {
    case SPARKMOE_F32:
      return adamw_of<float>(stream, n, factors, values, gradients, first_moments, second_moments,
                             copy);
    case SPARKMOE_F64:
      return adamw_of<double>(stream, n, factors, values, gradients, first_moments, second_moments,
                              copy);
    default:
      return cudaErrorInvalidValue;
  }
}

}  // namespace sparkmoe
