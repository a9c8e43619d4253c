#include "device.cuh"
#include "kernels.h"

namespace sparkmoe {

static const char* flavour() { return SPARKMOE_FLAVOUR; }

static const char* error_text(int code) {
  return cudaGetErrorString(static_cast<cudaError_t>(code));
}

static int device_count(int* count) { return cudaGetDeviceCount(count); }

static const SparkMoeDeviceKernels TABLE = {
    flavour,      error_text,       device_count,  gate_choose,    gate_gradient,
    position_scratch, positions,    packed_rows,   capacity_slots, slots_of_places, slot_counts,
    slot_map,         order,        inverse_order, weight_gradient, transpose_blocks,
    clear_after,      swiglu,           swiglu_gradient, adamw,
};

}  // namespace sparkmoe

extern "C" const SparkMoeDeviceKernels* sparkmoe_device_kernels() { return &sparkmoe::TABLE; }
