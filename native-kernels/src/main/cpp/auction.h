// Balanced assignment of tokens to experts: BalancedAssignment.java, which has the essay, in C++.
// Both compute in f64 and in the same order, so that they give the same assignment.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "gate.h"
#include "rows.h"

class Auction {
 public:
  Auction(const double* scores, int64_t tokens, int64_t experts)
      : scores_(scores), tokens_(tokens), experts_(experts),
        places_((tokens + experts - 1) / experts), nothing_(experts), prices_(experts),
        bids_(experts * places_), holders_(experts * places_) {}

  void assign(int64_t* chosen) {
    double range = this->range();
    for (double part = FIRST_PRECISION;; part = std::max(PRECISION, part / FALL)) {
      round(range * part);
      if (part <= PRECISION) break;
    }
    for (size_t place = 0; place < holders_.size(); place++) {
      if (holders_[place] < tokens_) chosen[holders_[place]] = place / places_;
    }
  }

 private:
  static constexpr double PRECISION = 1e-3;
  static constexpr double FIRST_PRECISION = 0.25;
  static constexpr double FALL = 16;

  double range() const {
    double smallest = 0;
    double largest = 0;
    for (int64_t i = 0; i < tokens_ * experts_; i++) {
      smallest = std::min(smallest, scores_[i]);
      largest = std::max(largest, scores_[i]);
    }
    return largest > smallest ? largest - smallest : 1;
  }

  void round(double epsilon) {
    for (int64_t expert = 0; expert < experts_; expert++) {
      std::fill_n(bids_.begin() + expert * places_, places_, prices_[expert]);
    }
    std::fill(holders_.begin(), holders_.end(), -1);
    for (int64_t token = 0; token < static_cast<int64_t>(holders_.size()); token++) {
      int64_t bidder = token;
      while (bidder >= 0) bidder = bid(bidder, epsilon);
    }
  }

  // The token that loses its place, or -1. Tokens beyond the last fill what is left over.
  int64_t bid(int64_t token, double epsilon) {
    const double* row = token < tokens_ ? scores_ + token * experts_ : nothing_.data();
    TwoLargest values = twoLargestDifferences(row, prices_.data(), experts_);
    double raise = experts_ == 1 ? 0 : values.largest - values.second;
    return replaceLowest(values.index, prices_[values.index] + raise + epsilon, token);
  }

  // The lowest bid is the root of the expert's heap.
  int64_t replaceLowest(int64_t expert, double bid, int64_t token) {
    double* bids = bids_.data() + expert * places_;
    int64_t* holders = holders_.data() + expert * places_;
    int64_t evicted = holders[0];
    int64_t at = 0;
    for (int64_t child = 1; child < places_; child = 2 * at + 1) {
      // Which child is lower is a coin's toss: added and not branched on.
      int64_t sibling = child + 1 < places_;
      child += bids[child + sibling] < bids[child];
      if (bids[child] >= bid) break;
      bids[at] = bids[child];
      holders[at] = holders[child];
      at = child;
    }
    bids[at] = bid;
    holders[at] = token;
    prices_[expert] = bids[0];
    return evicted;
  }

  const double* scores_;
  int64_t tokens_;
  int64_t experts_;
  int64_t places_;
  std::vector<double> nothing_;
  // The lowest bid of each expert, side by side for vector registers.
  std::vector<double> prices_;
  std::vector<double> bids_;
  std::vector<int64_t> holders_;
};

// In f64; infinite scores become the largest finite ones, and so does what is not a number.
template <typename T> std::vector<double> finite(const T* scores, int64_t n) {
  std::vector<double> values(n);
  double smallest = std::numeric_limits<double>::infinity();
  double largest = -smallest;
  for (int64_t i = 0; i < n; i++) {
    values[i] = wide(scores[i]);
    if (std::isfinite(values[i])) {
      smallest = std::min(smallest, values[i]);
      largest = std::max(largest, values[i]);
    }
  }
  if (smallest > largest) smallest = largest = 0;
  for (double& value : values) {
    value = std::isnan(value) ? largest : std::max(smallest, std::min(largest, value));
  }
  return values;
}

template <typename T>
void assignBalanced(
    const T* scores, int64_t tokens, int64_t experts, int64_t groupTokens, int64_t* chosen,
    int threads) {
  std::vector<double> values = finite(scores, tokens * experts);
#pragma omp parallel for num_threads(threads) schedule(static)
  for (int64_t first = 0; first < tokens; first += groupTokens) {
    Auction(values.data() + first * experts, groupTokens, experts).assign(chosen + first);
  }
}
