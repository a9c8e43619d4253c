// What the CUDA kernel library offers. Plain C: raw addresses of the device's memory and a stream.
//
// Letters: S tokens, K choices of a token, M width, E experts. Matrices are row-major without gaps
// unless a stride is given. A dtype is one of SparkMoeType. Every function returns a cudaError_t, 0
// for success; work is queued on the stream and nothing waits for it. `fault` is one int64 of
// device memory, which keeps the first index found out of range, such an index counts as none.
#pragma once

#include <cstdint>

extern "C" {

enum SparkMoeType { SPARKMOE_F32 = 0, SPARKMOE_F64 = 1, SPARKMOE_BF16 = 2 };
enum SparkMoeScore { SPARKMOE_SOFTMAX = 0, SPARKMOE_SIGMOID = 1, SPARKMOE_AS_THEY_ARE = 2 };

// The largest K of the gate and position kernels.
enum { SPARKMOE_MAX_CHOICES = 16 };

// Where experts have bounded places in a buffer: each routing group of group_tokens tokens has
// `limit` places of each expert, the rows of an expert begin at multiples of `capacity`.
struct SparkMoePlaces {
  int experts;
  int64_t group_tokens;
  int64_t limit;
  int64_t capacity;
};

struct SparkMoeDeviceKernels {
  // "cuda" or "emulation".
  const char* (*flavour)();
  const char* (*error_text)(int code);
  // The number of devices, or what keeps them from being used.
  int (*device_count)(int* count);

  // Scores of all experts [S,E] f32 from logits [S,E] f32, and the K experts of each token by score
  // plus bias [E] (null for none), ties to the lower index, NaN first. With SPARKMOE_AS_THEY_ARE
  // the logits are the scores, and `scores` is not written.
  int (*gate_choose)(void* stream, const float* logits, const float* bias, int64_t tokens,
                     int experts, int choices, int score, float* scores, int64_t* chosen);
  // The gradient by the logits [S,E] from that by the scores [S,E].
  int (*gate_gradient)(void* stream, const float* scores, const float* gradient, int64_t tokens,
                       int experts, int score, float* logits_gradient);
  // Positions [S,K] of assignments in the queues of their experts, and the length of each queue
  // [E]. `tile_counts` is scratch of position_scratch(...) int32, with all tokens in one group.
  int64_t (*position_scratch)(int64_t tokens, int experts, int choices, int64_t group_tokens,
                              int choice_major);
  int (*positions)(void* stream, const int64_t* chosen, int64_t tokens, int choices, int experts,
                   int choice_major, int32_t* tile_counts, int64_t* positions, int64_t* lengths,
                   int64_t* fault);
  // Rows [S,K] of assignments in a buffer where the queues of the experts lie one after the other,
  // and the length of each [E]. `starts` is scratch of [E].
  int (*packed_rows)(void* stream, const int64_t* chosen, int64_t tokens, int choices, int experts,
                     int choice_major, int32_t* tile_counts, int64_t* starts, int64_t* rows,
                     int64_t* counts, int64_t* fault);
  // Slots [S,K] of assignments that take the places of their group and expert in turn.
  int (*capacity_slots)(void* stream, const int64_t* chosen, int64_t tokens, int choices,
                        const SparkMoePlaces* places, int choice_major, int32_t* tile_counts,
                        int64_t* slots, int64_t* fault);
  // The same of places [S,K] that are known.
  int (*slots_of_places)(void* stream, const int64_t* chosen, const int64_t* positions,
                         int64_t assignments, int choices, const SparkMoePlaces* places,
                         int64_t* slots, int64_t* fault);
  // How many of n slots lie in the rows of each expert [E].
  int (*slot_counts)(void* stream, const int64_t* slots, int64_t n, int experts, int64_t capacity,
                     int64_t* counts, int64_t* fault);

  // The assignment of each slot [slots] i32, -1 for slots not used.
  int (*slot_map)(void* stream, const int64_t* slots_of_tokens, int64_t assignments, int64_t slots,
                  int32_t* map, int64_t* fault);
  // Rows of slots [slots,M] from rows of tokens [S,M]; times weights [S,K] unless null.
  int (*order)(void* stream, int type, const void* tokens, const int32_t* map, const void* weights,
               int64_t slots, int64_t width, int choices, void* buffer);
  // Rows of tokens [S,M]: the sum over their slots, times weights [S,K] unless null.
  int (*inverse_order)(void* stream, int type, const void* buffer, const int64_t* slots_of_tokens,
                       const void* weights, int64_t tokens, int choices, int64_t width,
                       int64_t slots, void* output, int64_t* fault);
  // Dot products [S,K] of rows of tokens and of their slots.
  int (*weight_gradient)(void* stream, int type, const void* gradient, const void* buffer,
                         const int64_t* slots_of_tokens, int64_t tokens, int choices,
                         int64_t width, int64_t slots, void* dots, int64_t* fault);

  // Blocks [outer,inner] become [inner,outer], as 2DH needs between its two exchanges.
  int (*transpose_blocks)(void* stream, const void* input, int64_t outer, int64_t inner,
                          int64_t block_bytes, void* output);

  // Makes those rows of values [rows] zero that come after the last of groups that end at `ends`.
  int (*clear_after)(void* stream, const int32_t* ends, int groups, int64_t rows,
                     int64_t row_bytes, void* values);

  // active = silu(gate) * up over [batch,n]; each matrix has its stride between batches.
  int (*swiglu)(void* stream, int type, const void* gate, const void* up, void* active,
                int64_t batch, int64_t n, int64_t gate_stride, int64_t up_stride,
                int64_t active_stride);
  // Overwrites gate and up with their gradients.
  int (*swiglu_gradient)(void* stream, int type, const void* active_gradient, void* gate, void* up,
                         int64_t batch, int64_t n, int64_t gradient_stride, int64_t gate_stride,
                         int64_t up_stride);

  // AdamW over [n] f32 or f64. `factors` (of the host): gradient, decay, beta1, beta2, epsilon,
  // step. `copy` [n] bf16 gets the new values unless null.
  int (*adamw)(void* stream, int type, int64_t n, const double* factors, void* values,
               const void* gradients, void* first_moments, void* second_moments, void* copy);
};

const SparkMoeDeviceKernels* sparkmoe_device_kernels();
}
