// Saves learned models as bytes of schemas/memory/models.fbs, so that they outlive a restart.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "runtime/core/result.h"
#include "schemas/memory/models_generated.h"

namespace gala::detect {

using MemoryBuilder = flatbuffers::FlatBufferBuilder;

/// Largest memory; FlatBuffers end at 2 GiB.
inline constexpr std::size_t most_memory_bytes = 2'000'000'000;
/// Saves another model only while that much of the memory is free.
inline constexpr std::size_t most_model_bytes = std::size_t{64} << 20;
/// Largest number in a model, so that squares of what is computed from it stay finite.
inline constexpr double largest_number = 1e60;

/// False for NaN too.
inline bool is_number(double value) { return std::abs(value) <= largest_number; }
/// A count, a weight or a sum of squares.
inline bool is_amount(double value) { return value >= 0 && value <= largest_number; }

/// Copies a saved list into `own`. False if it has another length, or a number below `least` or
/// beyond the largest; `own` is then of no use.
template <class Number>
[[nodiscard]] bool take_numbers(const flatbuffers::Vector<Number>* kept, std::span<Number> own,
                                double least = -largest_number) {
  if (kept == nullptr || kept->size() != own.size()) {
    return false;
  }
  bool fit = true;
  // No branch, because loading spends most of its time here.
  for (std::size_t i = 0; i < own.size(); ++i) {
    own[i] = kept->Get(static_cast<flatbuffers::uoffset_t>(i));
    const auto number = static_cast<double>(own[i]);
    fit &= (number >= least) & (number <= largest_number);
  }
  return fit;
}
template <class Number>
[[nodiscard]] bool take_numbers(const flatbuffers::Vector<Number>* kept, std::vector<Number>& own,
                                double least = -largest_number) {
  return take_numbers(kept, std::span<Number>(own), least);
}

/// Closes a memory and returns its bytes.
std::vector<std::uint8_t> finish_memory(
    MemoryBuilder& builder, const std::vector<flatbuffers::Offset<memory::KeptCheck>>& checks);

/// A verified memory of this version. Borrows `bytes`, which are aligned like memory from new.
Result<const memory::Models*> open_memory(std::span<const std::uint8_t> bytes);

/// Closes a memory of one model, which belongs to no entity.
std::vector<std::uint8_t> finish_memory(MemoryBuilder& builder,
                                        flatbuffers::Offset<memory::KeptModel> model);
/// Reads it back; nullptr unless the memory has exactly one model.
const memory::KeptModel* only_model(const memory::Models& kept);

}  // namespace gala::detect
