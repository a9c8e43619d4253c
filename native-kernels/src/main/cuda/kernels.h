// The functions behind the table of device_kernels.h, see there.
#pragma once

#include "device_kernels.h"

namespace sparkmoe {

int gate_choose(void* stream, const float* logits, const float* bias, int64_t tokens, int experts,
                int choices, int score, float* scores, int64_t* chosen);
int gate_gradient(void* stream, const float* scores, const float* gradient, int64_t tokens,
                  int experts, int score, float* logits_gradient);
int64_t position_scratch(int64_t tokens, int experts, int choices, int64_t group_tokens,
                         int choice_major);
int positions(void* stream, const int64_t* chosen, int64_t tokens, int choices, int experts,
              int choice_major, int32_t* tile_counts, int64_t* positions, int64_t* lengths,
              int64_t* fault);
int packed_rows(void* stream, const int64_t* chosen, int64_t tokens, int choices, int experts,
                int choice_major, int32_t* tile_counts, int64_t* starts, int64_t* rows,
                int64_t* counts, int64_t* fault);
int capacity_slots(void* stream, const int64_t* chosen, int64_t tokens, int choices,
                   const SparkMoePlaces* places, int choice_major, int32_t* tile_counts,
                   int64_t* slots, int64_t* fault);
int slots_of_places(void* stream, const int64_t* chosen, const int64_t* positions,
                    int64_t assignments, int choices, const SparkMoePlaces* places, int64_t* slots,
                    int64_t* fault);
int slot_counts(void* stream, const int64_t* slots, int64_t n, int experts, int64_t capacity,
                int64_t* counts, int64_t* fault);
int slot_map(void* stream, const int64_t* slots_of_tokens, int64_t assignments, int64_t slots,
             int32_t* map, int64_t* fault);
int order(void* stream, int type, const void* tokens, const int32_t* map, const void* weights,
          int64_t slots, int64_t width, int choices, void* buffer);
int inverse_order(void* stream, int type, const void* buffer, const int64_t* slots_of_tokens,
                  const void* weights, int64_t tokens, int choices, int64_t width, int64_t slots,
                  void* output, int64_t* fault);
int weight_gradient(void* stream, int type, const void* gradient, const void* buffer,
                    const int64_t* slots_of_tokens, int64_t tokens, int choices, int64_t width,
                    int64_t slots, void* dots, int64_t* fault);
int transpose_blocks(void* stream, const void* input, int64_t outer, int64_t inner,
                     int64_t block_bytes, void* output);
int clear_after(void* stream, const int32_t* ends, int groups, int64_t rows, int64_t row_bytes,
                void* values);
int swiglu(void* stream, int type, const void* gate, const void* up, void* active, int64_t batch,
           int64_t n, int64_t gate_stride, int64_t up_stride, int64_t active_stride);
int swiglu_gradient(void* stream, int type, const void* active_gradient, void* gate, void* up,
                    int64_t batch, int64_t n, int64_t gradient_stride, int64_t gate_stride,
                    int64_t up_stride);
int adamw(void* stream, int type, int64_t n, const double* factors, void* values,
          const void* gradients, void* first_moments, void* second_moments, void* copy);

}  // namespace sparkmoe
