// The native methods of org.sparkmoe.kernel.CppRoutingKernels, CppGateKernels, CppLayerKernels and
// CppOptimizerKernels, and of org.sparkmoe.tensor.NativeLibrary.
// Addresses and sizes were checked in Java.
#include <jni.h>
#include <malloc.h>

#include <algorithm>
#include <numeric>
#include <type_traits>

#include "adamw.h"
#include "auction.h"
#include "expert.h"
#include "gate.h"
#include "routing.h"
#include "selection.h"

namespace {

template <typename T> T* at(jlong address) { return reinterpret_cast<T*>(address); }

// {slots, S, K, M, nSlots, threads}
Routing routing(JNIEnv* env, jlongArray values) {
  jlong v[6];
  env->GetLongArrayRegion(values, 0, 6, v);
  return {at<int64_t>(v[0]), v[1], v[2], v[3], v[4], static_cast<int>(v[5])};
}

// {E, tokens of a group, limit, capacity}
Places placesOf(JNIEnv* env, jlongArray values) {
  jlong v[4];
  env->GetLongArrayRegion(values, 0, 4, v);
  return {v[0], v[1], v[2], v[3]};
}

// Calls body with a null pointer of the element type: 0 f32, 1 f64, 2 bf16.
template <typename Body> void withType(jint type, Body body) {
  switch (type) {
    case 0: body(static_cast<float*>(nullptr)); break;
    case 1: body(static_cast<double*>(nullptr)); break;
    default: body(static_cast<bf16*>(nullptr)); break;
  }
}

template <typename T> using AccumulatorOf = typename Accumulator<T>::type;

}  // namespace

#define KERNEL(result, name) \
  extern "C" JNIEXPORT result JNICALL Java_org_sparkmoe_kernel_CppRoutingKernels_##name

// The place of the first index that is neither -1 nor below limit; -1 if there is none.
KERNEL(jlong, outside)(JNIEnv*, jclass, jlong index, jlong n, jlong limit) {
  const int64_t* values = at<int64_t>(index);
  for (jlong i = 0; i < n; i++) {
    if (values[i] < -1 || values[i] >= limit) return i;
  }
  return -1;
}

KERNEL(void, positions)(
    JNIEnv*, jclass, jlong expertsAddress, jlong tokens, jlong choices, jint nExperts,
    jboolean choiceMajor, jlong positionsAddress) {
  const int64_t* experts = at<int64_t>(expertsAddress);
  int64_t* positions = at<int64_t>(positionsAddress);
  std::vector<int64_t> next(nExperts);
  inPriority(tokens, choices, choiceMajor, [&](int64_t, int64_t i) {
    positions[i] = experts[i] < 0 ? -1 : next[experts[i]]++;
  });
}

// Adds to counts, which are zero before.
KERNEL(void, packedRows)(
    JNIEnv*, jclass, jlong expertsAddress, jlong tokens, jlong choices, jint nExperts,
    jboolean choiceMajor, jlong rowsAddress, jlong countsAddress) {
  const int64_t* experts = at<int64_t>(expertsAddress);
  int64_t* rows = at<int64_t>(rowsAddress);
  int64_t* counts = at<int64_t>(countsAddress);
  for (int64_t i = 0; i < tokens * choices; i++) {
    if (experts[i] >= 0) counts[experts[i]]++;
  }
  std::vector<int64_t> next(nExperts);
  std::exclusive_scan(counts, counts + nExperts, next.begin(), int64_t{0});
  inPriority(tokens, choices, choiceMajor, [&](int64_t, int64_t i) {
    rows[i] = experts[i] < 0 ? -1 : next[experts[i]]++;
  });
}

KERNEL(void, capacitySlots)(
    JNIEnv* env, jclass, jlong expertsAddress, jlong tokens, jlong choices, jlongArray places,
    jboolean choiceMajor, jlong slotsAddress) {
  Places p = placesOf(env, places);
  const int64_t* experts = at<int64_t>(expertsAddress);
  int64_t* slots = at<int64_t>(slotsAddress);
  std::vector<int64_t> next(p.experts * (tokens / p.groupTokens));
  inPriority(tokens, choices, choiceMajor, [&](int64_t token, int64_t i) {
    int64_t* queue = next.data() + token / p.groupTokens * p.experts;
    slots[i] = experts[i] < 0 ? -1 : p.slot(token, experts[i], queue[experts[i]]++);
  });
}

KERNEL(void, slotsOfPlaces)(
    JNIEnv* env, jclass, jlong expertsAddress, jlong positionsAddress, jlong tokens, jlong choices,
    jlongArray places, jlong slotsAddress) {
  Places p = placesOf(env, places);
  const int64_t* experts = at<int64_t>(expertsAddress);
  const int64_t* positions = at<int64_t>(positionsAddress);
  int64_t* slots = at<int64_t>(slotsAddress);
  for (int64_t i = 0; i < tokens * choices; i++) {
    slots[i] = experts[i] < 0 ? -1 : p.slot(i / choices, experts[i], positions[i]);
  }
}

// Adds to counts, which are zero before.
KERNEL(void, slotCounts)(
    JNIEnv*, jclass, jlong slotsAddress, jlong n, jlong capacity, jlong countsAddress) {
  const int64_t* slots = at<int64_t>(slotsAddress);
  int64_t* counts = at<int64_t>(countsAddress);
  for (int64_t i = 0; i < n; i++) {
    if (slots[i] >= 0) counts[slots[i] / capacity]++;
  }
}

KERNEL(void, order)(
    JNIEnv* env, jclass, jint type, jlongArray shape, jlong tokens, jlong weights, jlong buffer) {
  Routing r = routing(env, shape);
  withType(type, [&](auto* t) {
    using T = std::remove_pointer_t<decltype(t)>;
    order(r, at<T>(tokens), at<AccumulatorOf<T>>(weights), at<T>(buffer));
  });
}

KERNEL(void, inverseOrder)(
    JNIEnv* env, jclass, jint type, jlongArray shape, jlong buffer, jlong weights, jlong tokens) {
  Routing r = routing(env, shape);
  withType(type, [&](auto* t) {
    using T = std::remove_pointer_t<decltype(t)>;
    inverseOrder(r, at<T>(buffer), at<AccumulatorOf<T>>(weights), at<T>(tokens));
  });
}

KERNEL(void, weightGradient)(
    JNIEnv* env, jclass, jint type, jlongArray shape, jlong gradient, jlong buffer, jlong dots) {
  Routing r = routing(env, shape);
  withType(type, [&](auto* t) {
    using T = std::remove_pointer_t<decltype(t)>;
    weightGradient(r, at<T>(gradient), at<T>(buffer), at<AccumulatorOf<T>>(dots));
  });
}

extern "C" JNIEXPORT void JNICALL Java_org_sparkmoe_kernel_CppGateKernels_largest(
    JNIEnv*, jclass, jint type, jlong scores, jlong rows, jlong columns, jint choices, jlong chosen,
    jint threads) {
  withType(type, [&](auto* t) {
    using T = std::remove_pointer_t<decltype(t)>;
    largest(at<T>(scores), rows, columns, choices, at<int64_t>(chosen), threads);
  });
}

extern "C" JNIEXPORT void JNICALL Java_org_sparkmoe_kernel_CppGateKernels_balanced(
    JNIEnv*, jclass, jint type, jlong scores, jlong rows, jlong columns, jlong groupTokens,
    jlong chosen, jint threads) {
  withType(type, [&](auto* t) {
    using T = std::remove_pointer_t<decltype(t)>;
    assignBalanced(at<T>(scores), rows, columns, groupTokens, at<int64_t>(chosen), threads);
  });
}

extern "C" JNIEXPORT void JNICALL Java_org_sparkmoe_kernel_CppGateKernels_placesOfTaken(
    JNIEnv*, jclass, jint type, jlong scores, jlong rows, jlong columns, jlong groupTokens,
    jlong limit, jlong places, jint threads) {
  withType(type, [&](auto* t) {
    using T = std::remove_pointer_t<decltype(t)>;
    placesOfTaken(
        at<T>(scores), rows, columns, groupTokens, limit, at<int64_t>(places), threads);
  });
}

// Calls body(offset of the first, of the second, of the third tensor, elements) for pieces of experts,
// in parallel. shape is {experts, elements of each, strides of experts in three tensors, threads}.
template <typename Body> static void forPieces(JNIEnv* env, jlongArray shape, Body body) {
  jlong v[6];
  env->GetLongArrayRegion(shape, 0, 6, v);
  constexpr int64_t PIECE = 1 << 12;
  int64_t pieces = (v[1] + PIECE - 1) / PIECE;
#pragma omp parallel for num_threads(static_cast<int>(v[5])) if (v[5] > 1)
  for (int64_t i = 0; i < v[0] * pieces; i++) {
    int64_t expert = i / pieces;
    int64_t first = i % pieces * PIECE;
    body(expert * v[2] + first, expert * v[3] + first, expert * v[4] + first,
         std::min(PIECE, v[1] - first));
  }
}

#define LAYER_KERNEL(name) \
  extern "C" JNIEXPORT void JNICALL Java_org_sparkmoe_kernel_CppLayerKernels_##name

LAYER_KERNEL(swiGlu)(
    JNIEnv* env, jclass, jint type, jlongArray shape, jlong gate, jlong up, jlong active) {
  withType(type, [&](auto* t) {
    using T = std::remove_pointer_t<decltype(t)>;
    forPieces(env, shape, [&](int64_t a, int64_t b, int64_t c, int64_t n) {
      swiGlu(at<T>(gate) + a, at<T>(up) + b, at<T>(active) + c, n);
    });
  });
}

LAYER_KERNEL(swiGluGradient)(
    JNIEnv* env, jclass, jint type, jlongArray shape, jlong gradient, jlong gate, jlong up) {
  withType(type, [&](auto* t) {
    using T = std::remove_pointer_t<decltype(t)>;
    forPieces(env, shape, [&](int64_t a, int64_t b, int64_t c, int64_t n) {
      swiGluGradient(at<T>(gradient) + a, at<T>(gate) + b, at<T>(up) + c, n);
    });
  });
}

// Pieces stay in the cache until their copy has been written. type is 0 f32 or 1 f64.
template <typename T> static void adamWInPieces(
    const AdamWFactors& factors, const jlong* addresses, int64_t n, int threads) {
  constexpr int64_t PIECE = 1 << 12;
#pragma omp parallel for num_threads(threads) if (threads > 1)
  for (int64_t first = 0; first < n; first += PIECE) {
    size_t count = std::min(PIECE, n - first);
    T* w = at<T>(addresses[0]) + first;
    adamW(factors, w, at<T>(addresses[1]) + first, at<T>(addresses[2]) + first,
          at<T>(addresses[3]) + first, count);
    if (addresses[4] != 0) copyNarrowed(w, at<bf16>(addresses[4]) + first, count);
  }
}

extern "C" JNIEXPORT void JNICALL Java_org_sparkmoe_kernel_CppOptimizerKernels_adamW(
    JNIEnv* env, jclass, jint type, jlong n, jdoubleArray numbers, jlongArray tensors,
    jint threads) {
  jdouble f[6];
  jlong addresses[5];
  env->GetDoubleArrayRegion(numbers, 0, 6, f);
  env->GetLongArrayRegion(tensors, 0, 5, addresses);
  AdamWFactors factors = {f[0], f[1], f[2], f[3], f[4], f[5]};
  if (type == 0) {
    adamWInPieces<float>(factors, addresses, n, threads);
  } else {
    adamWInPieces<double>(factors, addresses, n, threads);
  }
}

// Bytes that malloc has given out and not got back: in all arenas, and mapped one by one.
extern "C" JNIEXPORT jlong JNICALL
Java_org_sparkmoe_tensor_NativeLibrary_allocatedBytes(JNIEnv*, jclass) {
  struct mallinfo2 info = mallinfo2();
  return static_cast<jlong>(info.uordblks + info.hblkhd);
}
