// The gate: scores, the k best experts, and the places of the assignments in the experts' queues.
//
// Places are exact and the same on every run, in three small launches without atomics: each tile of
// tokens ranks its own assignments and counts them by expert, a warp an expert adds up the counts
// of the tiles before, and a last pass adds the two.
#include "device.cuh"
#include "kernels.h"

namespace sparkmoe {

// Tokens ranked by one block.
constexpr int TILE = 32;

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

// Where assignments of one priority class begin: with choice-major priority each choice is a class
// that takes its places before the next, otherwise all are one.
__device__ __forceinline__ int64_t count_index(int group, int expert, int64_t tile, int experts,
                                               int64_t tiles) {
  return (static_cast<int64_t>(group) * experts + expert) * tiles + tile;
}

// Ranks the assignments of TILE tokens among themselves; counts[group][expert][tile] must be zero.
__global__ void tile_ranks_kernel(const int64_t* __restrict__ chosen, int64_t tokens, int choices,
                                  int experts, int groups, int64_t tiles,
                                  int32_t* __restrict__ counts, int64_t* __restrict__ positions,
                                  int64_t* fault) {
  __shared__ int own[TILE * SPARKMOE_MAX_CHOICES];
  for (int64_t tile = blockIdx.x; tile < tiles; tile += gridDim.x) {
    int64_t first = tile * TILE;
    int held = static_cast<int>(tokens - first < TILE ? tokens - first : TILE);
    // Kept in the order of priority: [choice][token] or [token][choice].
    for (int i = threadIdx.x; i < held * choices; i += blockDim.x) {
      int token = groups > 1 ? i % held : i / choices;
      int k = groups > 1 ? i / held : i % choices;
      int64_t expert = chosen[(first + token) * choices + k];
      own[i] = usable(expert, experts, fault) ? static_cast<int>(expert) : -1;
    }
    __syncthreads();
    int group_length = groups > 1 ? held : held * choices;
    for (int i = threadIdx.x; i < held * choices; i += blockDim.x) {
      int token = groups > 1 ? i % held : i / choices;
      int k = groups > 1 ? i / held : i % choices;
      int group = i / group_length;
      int rank = 0;
      for (int j = group * group_length; j < i; j++) {
        rank += own[j] == own[i];
      }
      bool last = true;
      for (int j = i + 1; j < (group + 1) * group_length; j++) {
        last = last && own[j] != own[i];
      }
      if (last && own[i] >= 0) {
        counts[count_index(group, own[i], tile, experts, tiles)] = rank + 1;
      }
      positions[(first + token) * choices + k] = own[i] < 0 ? -1 : rank;
    }
    __syncthreads();
  }
}

// Replaces the counts of each expert by the sums of those before; a warp an expert.
__global__ void scan_tiles_kernel(int32_t* __restrict__ counts, int experts, int groups,
                                  int64_t tiles, int64_t* __restrict__ lengths) {
  for (int64_t expert = warp(); expert < experts; expert += warps()) {
    int total = 0;
    for (int group = 0; group < groups; group++) {
      int32_t* row = counts + count_index(group, static_cast<int>(expert), 0, experts, tiles);
      for (int64_t first = 0; first < tiles; first += WARP) {
        int64_t tile = first + lane();
        int count = tile < tiles ? row[tile] : 0;
        int sum = count;
        for (int distance = 1; distance < WARP; distance *= 2) {
          int left = __shfl_up_sync(ALL_LANES, sum, distance);
          sum += lane() >= distance ? left : 0;
        }
        if (tile < tiles) {
          row[tile] = total + sum - count;
        }
        total += __shfl_sync(ALL_LANES, sum, WARP - 1);
      }
    }
    if (lane() == 0) {
      lengths[expert] = total;
    }
  }
}

__global__ void add_bases_kernel(const int64_t* __restrict__ chosen, int64_t tokens, int choices,
                                 int experts, int groups, int64_t tiles,
                                 const int32_t* __restrict__ bases,
                                 int64_t* __restrict__ positions) {
  int64_t step = static_cast<int64_t>(gridDim.x) * blockDim.x;
  for (int64_t i = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
       i < tokens * choices; i += step) {
    if (positions[i] >= 0) {
      int group = groups > 1 ? static_cast<int>(i % choices) : 0;
      int64_t tile = i / choices / TILE;
      positions[i] +=
          bases[count_index(group, static_cast<int>(chosen[i]), tile, experts, tiles)];
    }
  }
}

static int64_t tiles_of(int64_t tokens) { return (tokens + TILE - 1) / TILE; }

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

int64_t position_scratch(int64_t tokens, int experts, int choices, int choice_major) {
  return (choice_major ? choices : 1) * static_cast<int64_t>(experts) * tiles_of(tokens);
}

int positions(void* stream, const int64_t* chosen, int64_t tokens, int choices, int experts,
              int choice_major, int32_t* tile_counts, int64_t* positions, int64_t* lengths,
              int64_t* fault) {
  if (choices > SPARKMOE_MAX_CHOICES) {
    return cudaErrorInvalidValue;
  }
  int groups = choice_major ? choices : 1;
  int64_t tiles = tiles_of(tokens);
  if (tokens > 0) {
    cudaMemsetAsync(tile_counts, 0,
                    position_scratch(tokens, experts, choices, choice_major) * sizeof(int32_t),
                    static_cast<cudaStream_t>(stream));
    SPARKMOE_LAUNCH(tile_ranks_kernel, blocks_for(tiles, 1), THREADS, stream, chosen, tokens,
                    choices, experts, groups, tiles, tile_counts, positions, fault);
  }
  SPARKMOE_LAUNCH(scan_tiles_kernel, blocks_for(experts, WARPS), THREADS, stream, tile_counts,
                  experts, groups, tiles, lengths);
  if (tokens > 0) {
    SPARKMOE_LAUNCH(add_bases_kernel, blocks_for(tokens * choices, THREADS), THREADS, stream,
                    chosen, tokens, choices, experts, groups, tiles, tile_counts, positions);
  }
  return cudaGetLastError();
}

}  // namespace sparkmoe
