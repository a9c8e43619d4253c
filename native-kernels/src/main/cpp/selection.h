// Which tokens each expert takes, see GateKernels.java for shapes and meaning.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "gate.h"

// A few neighbouring experts and the tokens of one routing group.
template <typename T> class Selection {
  using Key = decltype(ordered(wide(T())));

 public:
  static constexpr int64_t EXPERTS = 16;

  Selection(const T* scores, int64_t tokens, int64_t stride, int64_t experts)
      : scores_(scores), tokens_(tokens), stride_(stride), experts_(experts),
        keys_(experts * tokens) {
    for (int64_t s = 0; s < tokens_; s++) {
      for (int64_t e = 0; e < experts_; e++) keys_[e * tokens_ + s] = key(s, e);
    }
  }

  void takeLargest(int64_t limit, int64_t* places) {
    for (int64_t e = 0; e < experts_; e++) findThreshold(e, limit);
    for (int64_t s = 0; s < tokens_; s++) {
      for (int64_t e = 0; e < experts_; e++) {
        Key k = key(s, e);
        int64_t level = (k == threshold_[e]) & (levelLeft_[e] > 0);
        int64_t taken = (k > threshold_[e]) | level;
        places[s * stride_ + e] = taken ? next_[e] : -1;
        levelLeft_[e] -= level;
        next_[e] += taken;
      }
    }
  }

 private:
  Key key(int64_t token, int64_t expert) const {
    return ordered(wide(scores_[token * stride_ + expert]));
  }

  // The limit-th largest key, bit by bit, and how many of that height are taken.
  void findThreshold(int64_t expert, int64_t limit) {
    const Key* keys = keys_.data() + expert * tokens_;
    Key threshold = 0;
    for (Key bit = Key(1) << (8 * sizeof(Key) - 1); bit; bit >>= 1) {
      if (countFrom(keys, threshold | bit, tokens_) >= limit) threshold |= bit;
    }
    threshold_[expert] = threshold;
    int64_t above = threshold == Key(~Key(0)) ? 0 : countFrom(keys, threshold + 1, tokens_);
    levelLeft_[expert] = limit - above;
  }

  const T* scores_;
  int64_t tokens_;
  int64_t stride_;
  int64_t experts_;
  std::vector<Key> keys_;
  Key threshold_[EXPERTS] = {};
  int64_t levelLeft_[EXPERTS] = {};
  int64_t next_[EXPERTS] = {};
};

template <typename T>
void placesOfTaken(
    const T* scores, int64_t tokens, int64_t experts, int64_t groupTokens, int64_t limit,
    int64_t* places, int threads) {
  int64_t blocks = (experts + Selection<T>::EXPERTS - 1) / Selection<T>::EXPERTS;
#pragma omp parallel for collapse(2) num_threads(threads) schedule(static)
  for (int64_t first = 0; first < tokens; first += groupTokens) {
    for (int64_t block = 0; block < blocks; block++) {
      int64_t expert = block * Selection<T>::EXPERTS;
      int64_t start = first * experts + expert;
      int64_t width = std::min(Selection<T>::EXPERTS, experts - expert);
      Selection<T>(scores + start, groupTokens, experts, width).takeLargest(limit, places + start);
    }
  }
}
