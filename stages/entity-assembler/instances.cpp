// Keeps readings in flat arrays beside the instances.
#include "stages/entity-assembler/instances.h"

#include <algorithm>
#include <limits>

namespace gala::entity_assembler {

void Instances::set_buckets(std::span<const std::size_t> buckets) {
  std::vector<std::size_t> begin{0};
  for (const std::size_t count : buckets) {
    begin.push_back(begin.back() + count);
  }
  if (begin == bucket_begin_ && histograms_ == buckets.size()) {
    return;
  }
  bucket_begin_ = std::move(begin);
  bucket_total_ = bucket_begin_.back();
  histograms_ = buckets.size();
  forget_all();
}

std::optional<std::uint32_t> Instances::find_or_add(std::uint64_t hash) {
  if (const auto found = by_hash_.find(hash); found != by_hash_.end()) {
    return found->second;
  }
  if (by_hash_.size() >= most_) {
    return std::nullopt;
  }
  if (free_.empty()) {
    free_.push_back(static_cast<std::uint32_t>(instances_.size()));
    instances_.emplace_back();
    resize();
  }
  const std::uint32_t index = free_.back();
  free_.pop_back();
  instances_[index] = Instance{};
  clear(index, false);
  by_hash_.emplace(hash, index);
  return index;
}

void Instances::resize() {
  readings_.resize(instances_.size() * counters_);
  buckets_.resize(instances_.size() * bucket_total_);
  sums_.resize(instances_.size() * histograms_);
}

void Instances::clear(std::uint32_t index, bool zero) {
  const double nothing = zero ? 0.0 : not_measured;
  std::ranges::fill(counters(index), nothing);
  std::ranges::fill(std::span(buckets_).subspan(index * bucket_total_, bucket_total_), 0U);
  std::ranges::fill(std::span(sums_).subspan(index * histograms_, histograms_), nothing);
}

void Instances::forget_before(std::uint64_t time_ns) {
  std::erase_if(by_hash_, [&](const auto& entry) {
    const bool old = instances_[entry.second].read_ns < time_ns;
    if (old) {
      free_.push_back(entry.second);
    }
    return old;
  });
}

void Instances::forget_all() {
  by_hash_.clear();
  instances_.clear();
  free_.clear();
  readings_.clear();
  buckets_.clear();
  sums_.clear();
}

}  // namespace gala::entity_assembler
