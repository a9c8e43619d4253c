// The Java side of device_kernels.h: org.sparkmoe.kernel.DeviceLibrary.
//
// Every call names the table it is meant for, because the JVM binds native methods of a class to
// the first library that has them, and a test may hold both the CUDA library and its emulation.
#include <dlfcn.h>
#include <jni.h>

#include "device_kernels.h"

namespace {

const SparkMoeDeviceKernels* table(jlong address) {
  return reinterpret_cast<const SparkMoeDeviceKernels*>(address);
}

template <typename T>
T* at(jlong address) {
  return reinterpret_cast<T*>(address);
}

void* stream_of(jlong address) { return reinterpret_cast<void*>(address); }

}  // namespace

#define ENTRY(type, name) \
  extern "C" JNIEXPORT type JNICALL Java_org_sparkmoe_kernel_DeviceLibrary_##name

ENTRY(jlong, table)(JNIEnv* env, jclass, jstring path) {
  const char* chars = env->GetStringUTFChars(path, nullptr);
  void* library = dlopen(chars, RTLD_NOW | RTLD_LOCAL);
  env->ReleaseStringUTFChars(path, chars);
  void* find = library == nullptr ? nullptr : dlsym(library, "sparkmoe_device_kernels");
  if (find == nullptr) {
    return 0;
  }
  return reinterpret_cast<jlong>(
      reinterpret_cast<const SparkMoeDeviceKernels* (*)()>(find)());
}

ENTRY(jstring, flavour)(JNIEnv* env, jclass, jlong kernels) {
  return env->NewStringUTF(table(kernels)->flavour());
}

ENTRY(jstring, errorText)(JNIEnv* env, jclass, jlong kernels, jint code) {
  return env->NewStringUTF(table(kernels)->error_text(code));
}

// The number of devices, or an error code less than zero.
ENTRY(jint, deviceCount)(JNIEnv*, jclass, jlong kernels) {
  int count = 0;
  int code = table(kernels)->device_count(&count);
  return code == 0 ? count : -code;
}

ENTRY(jint, gateChoose)(JNIEnv*, jclass, jlong kernels, jlong stream, jlong logits, jlong bias,
                        jlong tokens, jint experts, jint choices, jint score, jlong scores,
                        jlong chosen) {
  return table(kernels)->gate_choose(stream_of(stream), at<float>(logits), at<float>(bias), tokens,
                                     experts, choices, score, at<float>(scores),
                                     at<int64_t>(chosen));
}

ENTRY(jint, gateGradient)(JNIEnv*, jclass, jlong kernels, jlong stream, jlong scores,
                          jlong gradient, jlong tokens, jint experts, jint score,
                          jlong logits_gradient) {
  return table(kernels)->gate_gradient(stream_of(stream), at<float>(scores), at<float>(gradient),
                                       tokens, experts, score, at<float>(logits_gradient));
}

ENTRY(jlong, positionScratch)(JNIEnv*, jclass, jlong kernels, jlong tokens, jint experts,
                              jint choices, jlong group_tokens, jboolean choice_major) {
  return table(kernels)->position_scratch(tokens, experts, choices, group_tokens, choice_major);
}

ENTRY(jint, positions)(JNIEnv*, jclass, jlong kernels, jlong stream, jlong chosen, jlong tokens,
                       jint choices, jint experts, jboolean choice_major, jlong tile_counts,
                       jlong positions, jlong lengths, jlong fault) {
  return table(kernels)->positions(stream_of(stream), at<int64_t>(chosen), tokens, choices,
                                   experts, choice_major, at<int32_t>(tile_counts),
                                   at<int64_t>(positions), at<int64_t>(lengths),
                                   at<int64_t>(fault));
}

ENTRY(jint, packedRows)(JNIEnv*, jclass, jlong kernels, jlong stream, jlong chosen, jlong tokens,
                        jint choices, jint experts, jboolean choice_major, jlong tile_counts,
                        jlong starts, jlong rows, jlong counts, jlong fault) {
  return table(kernels)->packed_rows(stream_of(stream), at<int64_t>(chosen), tokens, choices,
                                     experts, choice_major, at<int32_t>(tile_counts),
                                     at<int64_t>(starts), at<int64_t>(rows), at<int64_t>(counts),
                                     at<int64_t>(fault));
}

ENTRY(jint, capacitySlots)(JNIEnv*, jclass, jlong kernels, jlong stream, jlong chosen, jlong tokens,
                           jint choices, jint experts, jlong group_tokens, jlong limit,
                           jlong capacity, jboolean choice_major, jlong tile_counts, jlong slots,
                           jlong fault) {
  SparkMoePlaces places = {experts, group_tokens, limit, capacity};
  return table(kernels)->capacity_slots(stream_of(stream), at<int64_t>(chosen), tokens, choices,
                                        &places, choice_major, at<int32_t>(tile_counts),
                                        at<int64_t>(slots), at<int64_t>(fault));
}

ENTRY(jint, slotsOfPlaces)(JNIEnv*, jclass, jlong kernels, jlong stream, jlong chosen,
                           jlong positions, jlong assignments, jint choices, jint experts,
                           jlong group_tokens, jlong limit, jlong capacity, jlong slots,
                           jlong fault) {
  SparkMoePlaces places = {experts, group_tokens, limit, capacity};
  return table(kernels)->slots_of_places(stream_of(stream), at<int64_t>(chosen),
                                         at<int64_t>(positions), assignments, choices, &places,
                                         at<int64_t>(slots), at<int64_t>(fault));
}

ENTRY(jint, slotCounts)(JNIEnv*, jclass, jlong kernels, jlong stream, jlong slots, jlong n,
                        jint experts, jlong capacity, jlong counts, jlong fault) {
  return table(kernels)->slot_counts(stream_of(stream), at<int64_t>(slots), n, experts, capacity,
                                     at<int64_t>(counts), at<int64_t>(fault));
}

ENTRY(jint, slotMap)(JNIEnv*, jclass, jlong kernels, jlong stream, jlong slots_of_tokens,
                     jlong assignments, jlong slots, jlong map, jlong fault) {
  return table(kernels)->slot_map(stream_of(stream), at<int64_t>(slots_of_tokens), assignments,
                                  slots, at<int32_t>(map), at<int64_t>(fault));
}

ENTRY(jint, order)(JNIEnv*, jclass, jlong kernels, jlong stream, jint type, jlong tokens, jlong map,
                   jlong weights, jlong slots, jlong width, jint choices, jlong buffer) {
  return table(kernels)->order(stream_of(stream), type, at<void>(tokens), at<int32_t>(map),
                               at<void>(weights), slots, width, choices, at<void>(buffer));
}

ENTRY(jint, inverseOrder)(JNIEnv*, jclass, jlong kernels, jlong stream, jint type, jlong buffer,
                          jlong slots_of_tokens, jlong weights, jlong tokens, jint choices,
                          jlong width, jlong slots, jlong output, jlong fault) {
  return table(kernels)->inverse_order(stream_of(stream), type, at<void>(buffer),
                                       at<int64_t>(slots_of_tokens), at<void>(weights), tokens,
                                       choices, width, slots, at<void>(output),
                                       at<int64_t>(fault));
}

ENTRY(jint, weightGradient)(JNIEnv*, jclass, jlong kernels, jlong stream, jint type,
                            jlong gradient, jlong buffer, jlong slots_of_tokens, jlong tokens,
                            jint choices, jlong width, jlong slots, jlong dots, jlong fault) {
  return table(kernels)->weight_gradient(stream_of(stream), type, at<void>(gradient),
                                         at<void>(buffer), at<int64_t>(slots_of_tokens), tokens,
                                         choices, width, slots, at<void>(dots),
                                         at<int64_t>(fault));
}

ENTRY(jint, transposeBlocks)(JNIEnv*, jclass, jlong kernels, jlong stream, jlong input,
                             jlong outer, jlong inner, jlong block_bytes, jlong output) {
  return table(kernels)->transpose_blocks(stream_of(stream), at<void>(input), outer, inner,
                                          block_bytes, at<void>(output));
}

ENTRY(jint, clearAfter)(JNIEnv*, jclass, jlong kernels, jlong stream, jlong ends, jint groups,
                        jlong rows, jlong row_bytes, jlong values) {
  return table(kernels)->clear_after(stream_of(stream), at<int32_t>(ends), groups, rows, row_bytes,
                                     at<void>(values));
}

ENTRY(jint, swiGlu)(JNIEnv*, jclass, jlong kernels, jlong stream, jint type, jlong gate, jlong up,
                    jlong active, jlong batch, jlong n, jlong gate_stride, jlong up_stride,
                    jlong active_stride) {
  return table(kernels)->swiglu(stream_of(stream), type, at<void>(gate), at<void>(up),
                                at<void>(active), batch, n, gate_stride, up_stride, active_stride);
}

ENTRY(jint, swiGluGradient)(JNIEnv*, jclass, jlong kernels, jlong stream, jint type,
                            jlong active_gradient, jlong gate, jlong up, jlong batch, jlong n,
                            jlong gradient_stride, jlong gate_stride, jlong up_stride) {
  return table(kernels)->swiglu_gradient(stream_of(stream), type, at<void>(active_gradient),
                                         at<void>(gate), at<void>(up), batch, n, gradient_stride,
                                         gate_stride, up_stride);
}

ENTRY(jint, adamW)(JNIEnv*, jclass, jlong kernels, jlong stream, jint type, jlong n,
                   jdouble gradient, jdouble decay, jdouble beta1, jdouble beta2, jdouble epsilon,
                   jdouble step, jlong values, jlong gradients, jlong first_moments,
                   jlong second_moments, jlong copy) {
  const double factors[] = {gradient, decay, beta1, beta2, epsilon, step};
  return table(kernels)->adamw(stream_of(stream), type, n, factors, at<void>(values),
                               at<void>(gradients), at<void>(first_moments),
                               at<void>(second_moments), at<void>(copy));
}
