// The places of assignments in the queues of their experts, the slots and rows that follow from
// them, and how many there are of each expert.
//
// Places are exact and the same on every run, in three small launches without atomics: each tile of
// tokens ranks its own assignments and counts them by queue, a warp a queue adds up the counts of
// the tiles before, and a last pass adds the two.
#include "device.cuh"
#include "kernels.h"

namespace sparkmoe {

// Tokens ranked by one block.
constexpr int TILE = 32;

// Experts counted by one block at a time.
constexpr int COUNTERS = 1024;

// Each routing group has a queue of each expert. Where assignments take their places by choices,
// each choice is a class that takes them before the next, otherwise all are one class.
struct Queues {
  int64_t tokens;
  int choices;
  int experts;
  int64_t group_tokens;
  int classes;
  int64_t tiles;

  __device__ __forceinline__ int of(int64_t token, int64_t expert) const {
    return static_cast<int>(token / group_tokens * experts + expert);
  }

  // Queues altogether; with no tokens those of one group.
  __device__ __forceinline__ int count() const {
    return tokens == 0 ? experts : static_cast<int>(tokens / group_tokens * experts);
  }

  // Where the count of a tile is kept.
  __device__ __forceinline__ int64_t index(int priority, int queue, int64_t tile) const {
    return (static_cast<int64_t>(priority) * count() + queue) * tiles + tile;
  }
};

// Ranks the assignments of TILE tokens among themselves; all counts must be zero before.
__global__ void tile_ranks_kernel(const int64_t* __restrict__ chosen, Queues q,
                                  int32_t* __restrict__ counts, int64_t* __restrict__ ranks,
                                  int64_t* fault) {
  __shared__ int own[TILE * SPARKMOE_MAX_CHOICES];
  for (int64_t tile = blockIdx.x; tile < q.tiles; tile += gridDim.x) {
    int64_t first = tile * TILE;
    int held = static_cast<int>(q.tokens - first < TILE ? q.tokens - first : TILE);
    int all = held * q.choices;
    // Kept in the order of priority: [choice][token] or [token][choice].
    for (int i = threadIdx.x; i < all; i += blockDim.x) {
      int token = q.classes > 1 ? i % held : i / q.choices;
      int k = q.classes > 1 ? i / held : i % q.choices;
      int64_t expert = chosen[(first + token) * q.choices + k];
      own[i] = usable(expert, q.experts, fault) ? q.of(first + token, expert) : -1;
    }
    __syncthreads();
    int length = q.classes > 1 ? held : all;
    for (int i = threadIdx.x; i < all; i += blockDim.x) {
      int token = q.classes > 1 ? i % held : i / q.choices;
      int k = q.classes > 1 ? i / held : i % q.choices;
      int priority = i / length;
      int rank = 0;
      for (int j = priority * length; j < i; j++) {
        rank += own[j] == own[i];
      }
      bool last = true;
      for (int j = i + 1; j < (priority + 1) * length; j++) {
        last = last && own[j] != own[i];
      }
      if (last && own[i] >= 0) {
        counts[q.index(priority, own[i], tile)] = rank + 1;
      }
      ranks[(first + token) * q.choices + k] = own[i] < 0 ? -1 : rank;
    }
    __syncthreads();
  }
}

// Replaces the counts of each queue by the sums of those before; a warp a queue.
__global__ void scan_tiles_kernel(Queues q, int32_t* __restrict__ counts,
                                  int64_t* __restrict__ lengths) {
  for (int64_t queue = warp(); queue < q.count(); queue += warps()) {
    int total = 0;
    for (int priority = 0; priority < q.classes; priority++) {
      int32_t* row = counts + q.index(priority, static_cast<int>(queue), 0);
      for (int64_t first = 0; first < q.tiles; first += WARP) {
        int64_t tile = first + lane();
        int count = tile < q.tiles ? row[tile] : 0;
        int sum = count;
        for (int distance = 1; distance < WARP; distance *= 2) {
          int left = __shfl_up_sync(ALL_LANES, sum, distance);
          sum += lane() >= distance ? left : 0;
        }
        if (tile < q.tiles) {
          row[tile] = total + sum - count;
        }
        total += __shfl_sync(ALL_LANES, sum, WARP - 1);
      }
    }
    if (lengths != nullptr && lane() == 0) {
      lengths[queue] = total;
    }
  }
}

// The place of an assignment whose rank in its tile is known, and which has an expert.
__device__ __forceinline__ int64_t place(const Queues& q, const int32_t* bases, int64_t assignment,
                                         int64_t expert, int64_t rank) {
  int64_t token = assignment / q.choices;
  int priority = q.classes > 1 ? static_cast<int>(assignment % q.choices) : 0;
  return rank + bases[q.index(priority, q.of(token, expert), token / TILE)];
}

__global__ void add_bases_kernel(const int64_t* __restrict__ chosen, Queues q,
                                 const int32_t* __restrict__ bases,
                                 int64_t* __restrict__ positions) {
  int64_t step = static_cast<int64_t>(gridDim.x) * blockDim.x;
  for (int64_t i = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
       i < q.tokens * q.choices; i += step) {
    if (positions[i] >= 0) {
      positions[i] = place(q, bases, i, chosen[i], positions[i]);
    }
  }
}

// Where the queue of each expert begins if they lie one after the other; one warp.
__global__ void starts_kernel(const int64_t* __restrict__ lengths, int experts,
                              int64_t* __restrict__ starts) {
  int64_t total = 0;
  for (int first = 0; first < experts; first += WARP) {
    int expert = first + lane();
    int64_t length = expert < experts ? lengths[expert] : 0;
    int64_t sum = length;
    for (int distance = 1; distance < WARP; distance *= 2) {
      int64_t left = __shfl_up_sync(ALL_LANES, sum, distance);
      sum += lane() >= distance ? left : 0;
    }
    if (expert < experts) {
      starts[expert] = total + sum - length;
    }
    total += __shfl_sync(ALL_LANES, sum, WARP - 1);
  }
}

__global__ void add_starts_and_bases_kernel(const int64_t* __restrict__ chosen, Queues q,
                                            const int32_t* __restrict__ bases,
                                            const int64_t* __restrict__ starts,
                                            int64_t* __restrict__ rows) {
  int64_t step = static_cast<int64_t>(gridDim.x) * blockDim.x;
  for (int64_t i = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
       i < q.tokens * q.choices; i += step) {
    if (rows[i] >= 0) {
      rows[i] = starts[chosen[i]] + place(q, bases, i, chosen[i], rows[i]);
    }
  }
}

// The slot of a place in the queue of an expert and routing group, -1 for those over the limit.
__device__ __forceinline__ int64_t slot(const SparkMoePlaces& p, int64_t token, int64_t expert,
                                        int64_t position) {
  return position >= 0 && position < p.limit
             ? expert * p.capacity + token / p.group_tokens * p.limit + position
             : -1;
}

__global__ void add_bases_for_slots_kernel(const int64_t* __restrict__ chosen, Queues q,
                                           SparkMoePlaces p, const int32_t* __restrict__ bases,
                                           int64_t* __restrict__ slots) {
  int64_t step = static_cast<int64_t>(gridDim.x) * blockDim.x;
  for (int64_t i = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
       i < q.tokens * q.choices; i += step) {
    if (slots[i] >= 0) {
      int64_t position = place(q, bases, i, chosen[i], slots[i]);
      slots[i] = slot(p, i / q.choices, chosen[i], position);
    }
  }
}

__global__ void slots_of_places_kernel(const int64_t* __restrict__ chosen,
                                       const int64_t* __restrict__ positions, int64_t assignments,
                                       int choices, SparkMoePlaces p, int64_t* __restrict__ slots,
                                       int64_t* fault) {
  int64_t step = static_cast<int64_t>(gridDim.x) * blockDim.x;
  for (int64_t i = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; i < assignments;
       i += step) {
    slots[i] = usable(chosen[i], p.experts, fault)
                   ? slot(p, i / choices, chosen[i], positions[i])
                   : -1;
  }
}

// Adds to counts, which must be zero before; whole numbers, so the order does not matter.
__global__ void slot_counts_kernel(const int64_t* __restrict__ slots, int64_t n, int experts,
                                   int64_t capacity, unsigned long long* __restrict__ counts,
                                   int64_t* fault) {
  __shared__ int own[COUNTERS];
  int64_t step = static_cast<int64_t>(gridDim.x) * blockDim.x;
  for (int first = 0; first < experts; first += COUNTERS) {
    int held = experts - first < COUNTERS ? experts - first : COUNTERS;
    for (int e = threadIdx.x; e < held; e += blockDim.x) {
      own[e] = 0;
    }
    __syncthreads();
    for (int64_t i = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; i < n;
         i += step) {
      if (usable(slots[i], experts * capacity, fault)) {
        int64_t expert = slots[i] / capacity - first;
        if (expert >= 0 && expert < held) {
          atomicAdd(own + expert, 1);
        }
      }
    }
    __syncthreads();
    for (int e = threadIdx.x; e < held; e += blockDim.x) {
      if (own[e] > 0) {
        atomicAdd(counts + first + e, static_cast<unsigned long long>(own[e]));
      }
    }
    __syncthreads();
  }
}

static Queues queues(int64_t tokens, int choices, int experts, int64_t group_tokens,
                     int choice_major) {
  return {tokens, choices, experts, group_tokens, choice_major ? choices : 1,
          (tokens + TILE - 1) / TILE};
}

// Counts of tiles; none without tokens.
static int64_t cells(const Queues& q) {
  return q.tokens == 0 ? 0 : q.classes * (q.tokens / q.group_tokens) * q.experts * q.tiles;
}

int64_t position_scratch(int64_t tokens, int experts, int choices, int64_t group_tokens,
                         int choice_major) {
  return cells(queues(tokens, choices, experts, group_tokens, choice_major));
}

// Ranks in their tiles, and where the tiles begin in the queues.
static void rank(void* stream, const int64_t* chosen, const Queues& q, int32_t* tile_counts,
                 int64_t* ranks, int64_t* lengths, int64_t* fault) {
  if (q.tokens > 0) {
    cudaMemsetAsync(tile_counts, 0, cells(q) * sizeof(int32_t), static_cast<cudaStream_t>(stream));
    SPARKMOE_LAUNCH(tile_ranks_kernel, blocks_for(q.tiles, 1), THREADS, stream, chosen, q,
                    tile_counts, ranks, fault);
    SPARKMOE_LAUNCH(scan_tiles_kernel, blocks_for(q.tokens / q.group_tokens * q.experts, WARPS), THREADS, stream, q,
                    tile_counts, lengths);
  } else if (lengths != nullptr) {
    cudaMemsetAsync(lengths, 0, q.experts * sizeof(int64_t), static_cast<cudaStream_t>(stream));
  }
}

int positions(void* stream, const int64_t* chosen, int64_t tokens, int choices, int experts,
              int choice_major, int32_t* tile_counts, int64_t* positions, int64_t* lengths,
              int64_t* fault) {
  if (choices > SPARKMOE_MAX_CHOICES) {
    return cudaErrorInvalidValue;
  }
  Queues q = queues(tokens, choices, experts, tokens, choice_major);
  rank(stream, chosen, q, tile_counts, positions, lengths, fault);
  if (tokens > 0) {
    SPARKMOE_LAUNCH(add_bases_kernel, blocks_for(tokens * choices, THREADS), THREADS, stream,
                    chosen, q, tile_counts, positions);
  }
  return cudaGetLastError();
}

int packed_rows(void* stream, const int64_t* chosen, int64_t tokens, int choices, int experts,
                int choice_major, int32_t* tile_counts, int64_t* starts, int64_t* rows,
                int64_t* counts, int64_t* fault) {
  if (choices > SPARKMOE_MAX_CHOICES) {
    return cudaErrorInvalidValue;
  }
  Queues q = queues(tokens, choices, experts, tokens, choice_major);
  rank(stream, chosen, q, tile_counts, rows, counts, fault);
  if (tokens > 0) {
    SPARKMOE_LAUNCH(starts_kernel, 1, WARP, stream, counts, experts, starts);
    SPARKMOE_LAUNCH(add_starts_and_bases_kernel, blocks_for(tokens * choices, THREADS), THREADS,
                    stream, chosen, q, tile_counts, starts, rows);
  }
  return cudaGetLastError();
}

int capacity_slots(void* stream, const int64_t* chosen, int64_t tokens, int choices,
                   const SparkMoePlaces* places, int choice_major, int32_t* tile_counts,
                   int64_t* slots, int64_t* fault) {
  if (choices > SPARKMOE_MAX_CHOICES) {
    return cudaErrorInvalidValue;
  }
  if (tokens > 0) {
    Queues q = queues(tokens, choices, places->experts, places->group_tokens, choice_major);
    SparkMoePlaces p = *places;
    rank(stream, chosen, q, tile_counts, slots, nullptr, fault);
    SPARKMOE_LAUNCH(add_bases_for_slots_kernel, blocks_for(tokens * choices, THREADS), THREADS,
                    stream, chosen, q, p, tile_counts, slots);
  }
  return cudaGetLastError();
}

int slots_of_places(void* stream, const int64_t* chosen, const int64_t* positions,
                    int64_t assignments, int choices, const SparkMoePlaces* places, int64_t* slots,
                    int64_t* fault) {
  if (assignments > 0) {
    SparkMoePlaces p = *places;
    SPARKMOE_LAUNCH(slots_of_places_kernel, blocks_for(assignments, THREADS), THREADS, stream,
                    chosen, positions, assignments, choices, p, slots, fault);
  }
  return cudaGetLastError();
}

int slot_counts(void* stream, const int64_t* slots, int64_t n, int experts, int64_t capacity,
                int64_t* counts, int64_t* fault) {
  cudaMemsetAsync(counts, 0, experts * sizeof(int64_t), static_cast<cudaStream_t>(stream));
  if (n > 0) {
    // Each thread takes several, so that a block's counters pay.
    SPARKMOE_LAUNCH(slot_counts_kernel, blocks_for(n, 8 * THREADS), THREADS, stream, slots, n,
                    experts, capacity, reinterpret_cast<unsigned long long*>(counts), fault);
  }
  return cudaGetLastError();
}

}  // namespace sparkmoe
