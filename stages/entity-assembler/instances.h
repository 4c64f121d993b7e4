// The last readings of every counted thing of one table: what differences are taken from.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include "stages/entity-assembler/cells.h"
#include "stages/entity-assembler/registry.h"

namespace gala::entity_assembler {

/// One counted thing and the entity it belongs to.
struct Instance {
  EntityHandle entity;
  /// Of the columns and facts that gave it this entity.
  std::uint64_t attributes_hash = 0;
  /// End of the window of the last reading; 0 = never read.
  std::uint64_t read_ns = 0;
};

/// Instances by hash of their identity, with the readings of their counters and histograms. A
/// 64-bit hash stands for the identity: at 100,000 instances two are confused with a chance of 3 in
/// 10^10.
class Instances {
 public:
  Instances(std::size_t most, std::size_t counters) : most_(most), counters_(counters) {}

  /// Histogram columns of the table with their numbers of buckets. Other numbers than before mean
  /// another layout: all readings of histograms are forgotten.
  void set_buckets(std::span<const std::size_t> buckets);

  /// Index of the instance, made when new; nothing when there is no room.
  std::optional<std::uint32_t> find_or_add(std::uint64_t hash);
  [[nodiscard]] Instance& at(std::uint32_t index) { return instances_[index]; }
  /// Last readings; NaN = none.
  [[nodiscard]] std::span<double> counters(std::uint32_t index) {
    return std::span(readings_).subspan(index * counters_, counters_);
  }
  [[nodiscard]] std::span<std::uint64_t> buckets(std::uint32_t index, std::size_t histogram) {
    return std::span(buckets_).subspan(index * bucket_total_ + bucket_begin_[histogram],
                                       bucket_begin_[histogram + 1] - bucket_begin_[histogram]);
  }
  [[nodiscard]] double& sum(std::uint32_t index, std::size_t histogram) {
    return sums_[index * histograms_ + histogram];
  }
  /// Makes all readings those of a thing that just began (`zero`) or that nobody has read yet.
  void clear(std::uint32_t index, bool zero);

  void forget_before(std::uint64_t time_ns);
  void forget_all();
  [[nodiscard]] std::size_t size() const { return by_hash_.size(); }

 private:
  void resize();

  std::size_t most_;
  std::size_t counters_;
  std::size_t histograms_ = 0;
  std::size_t bucket_total_ = 0;
  std::vector<std::size_t> bucket_begin_{0};
  std::unordered_map<std::uint64_t, std::uint32_t> by_hash_;
  std::vector<Instance> instances_;
  std::vector<std::uint32_t> free_;
  std::vector<double> readings_;
  std::vector<std::uint64_t> buckets_;
  std::vector<double> sums_;
};

}  // namespace gala::entity_assembler
