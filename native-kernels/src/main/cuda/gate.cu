// The gate: scores, and the k best experts.
#include "device.cuh"
#include "kernels.h"

namespace sparkmoe {

struct Candidate {
  float value;
  int index;
};

// Whether a is to be chosen before b: larger, or equal with the lower index; what is not a number
// counts as larger than all that are, as in torch's argmax.
__device__ __forceinline__ bool before(Candidate a, Candidate b) {
  if (isnan(a.value) != isnan(b.value)) {
    return isnan(a.value);
  }
  return a.value > b.value || ((a.value == b.value || isnan(a.value)) && a.index < b.index);
}

__device__ __forceinline__ Candidate warp_first(Candidate best) {
  for (int distance = WARP / 2; distance > 0; distance /= 2) {
    Candidate other{__shfl_xor_sync(ALL_LANES, best.value, distance),
                    __shfl_xor_sync(ALL_LANES, best.index, distance)};
    if (before(other, best)) {
      best = other;
    }
  }
  return best;
}

// Scores of one token, by one warp.
__device__ __forceinline__ void token_scores(const float* logits, int experts, int score,
                                             float* scores) {
  if (score == SPARKMOE_SIGMOID) {
    for (int e = lane(); e < experts; e += WARP) {
      scores[e] = 1.0f / (1.0f + expf(-logits[e]));
    }
    return;
  }
  float largest = -INFINITY;
  for (int e = lane(); e < experts; e += WARP) {
    largest = fmaxf(largest, logits[e]);
  }
  largest = warp_max(largest);
  float sum = 0;
  for (int e = lane(); e < experts; e += WARP) {
    sum += expf(logits[e] - largest);
  }
  sum = warp_sum(sum);
  for (int e = lane(); e < experts; e += WARP) {
    scores[e] = expf(logits[e] - largest) / sum;
  }
}

// The next choice is the first candidate that comes after the last one, so that nothing needs to
// be marked as taken.
__global__ void gate_choose_kernel(const float* logits, const float* __restrict__ bias,
                                   int64_t tokens, int experts, int choices, int score,
                                   float* scores, int64_t* __restrict__ chosen) {
  for (int64_t token = warp(); token < tokens; token += warps()) {
    const float* own = logits + token * experts;
    if (score != SPARKMOE_AS_THEY_ARE) {
      token_scores(own, experts, score, scores + token * experts);
      own = scores + token * experts;
    }
    Candidate last{NAN, -1};
    for (int k = 0; k < choices; k++) {
      Candidate best{-INFINITY, INT32_MAX};
      for (int e = lane(); e < experts; e += WARP) {
        // Each lane reads what it wrote itself.
        Candidate candidate{bias == nullptr ? own[e] : own[e] + bias[e], e};
        if (before(last, candidate) && before(candidate, best)) {
          best = candidate;
        }
      }
      best = warp_first(best);
      if (lane() == 0) {
        chosen[token * choices + k] = best.index;
      }
      last = best;
    }
  }
}

__global__ void gate_gradient_kernel(const float* __restrict__ scores,
                                     const float* __restrict__ gradient, int64_t tokens,
                                     int experts, int score, float* __restrict__ out) {
  for (int64_t token = warp(); token < tokens; token += warps()) {
    const float* s = scores + token * experts;
    const float* g = gradient + token * experts;
    float dot = 0;
    if (score == SPARKMOE_SOFTMAX) {
      for (int e = lane(); e < experts; e += WARP) {
        dot += s[e] * g[e];
      }
      dot = warp_sum(dot);
    }
    for (int e = lane(); e < experts; e += WARP) {
      out[token * experts + e] =
          score == SPARKMOE_SOFTMAX ? s[e] * (g[e] - dot) : s[e] * (1 - s[e]) * g[e];
    }
  }
}

int gate_choose(void* stream, const float* logits, const float* bias, int64_t tokens, int experts,
                int choices, int score, float* scores, int64_t* chosen) {
  if (tokens > 0) {
    SPARKMOE_LAUNCH(gate_choose_kernel, blocks_for(tokens, WARPS), THREADS, stream, logits, bias,
                    tokens, experts, choices, score, scores, chosen);
  }
  return cudaGetLastError();
}

int gate_gradient(void* stream, const float* scores, const float* gradient, int64_t tokens,
                  int experts, int score, float* logits_gradient) {
  if (tokens > 0) {
    SPARKMOE_LAUNCH(gate_gradient_kernel, blocks_for(tokens, WARPS), THREADS, stream, scores,
                    gradient, tokens, experts, score, logits_gradient);
  }
  return cudaGetLastError();
}

}  // namespace sparkmoe
