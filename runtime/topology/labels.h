// The labels of an entity in one piece of memory: with a million entities, a string for each name
// and value would be most of what the process has.
#pragma once

#include <cstddef>
#include <iterator>
#include <string>
#include <string_view>

#include "runtime/topology/words.h"
#include "schemas/wire/topology_snapshot_generated.h"

namespace gala {

/// What pack_labels wrote, read in place: sorted by name, then by value. A view; it lives as long
/// as the bytes and the words.
class Labels {
 public:
  struct Label {
    std::string_view name;
    std::string_view value;
  };

  class Iterator {
   public:
    using iterator_category = std::input_iterator_tag;
    using value_type = Label;
    using difference_type = std::ptrdiff_t;
    using pointer = const Label*;
    using reference = Label;

    Iterator() = default;
    Iterator(const Words* names, const char* at) : names_(names), at_(at) {}
    Label operator*() const;
    Iterator& operator++();
    friend bool operator==(const Iterator& a, const Iterator& b) { return a.at_ == b.at_; }

   private:
    const Words* names_ = nullptr;
    const char* at_ = nullptr;
  };

  Labels() = default;
  Labels(const Words& names, std::string_view bytes) : names_(&names), bytes_(bytes) {}

  [[nodiscard]] Iterator begin() const { return at(0); }
  [[nodiscard]] Iterator end() const { return at(bytes_.size()); }
  /// "" when there is none.
  [[nodiscard]] std::string_view value(std::string_view name) const;

 private:
  [[nodiscard]] Iterator at(std::size_t offset) const {
    const char* const first = bytes_.data();
    return {names_, first + offset};
  }

  const Words* names_ = nullptr;
  std::string_view bytes_;
};

/// Appends the labels to `bytes`, which grows to `most_bytes` at most. A label costs four bytes and
/// its value. The number of labels left out: their name is beyond the words, or they did not fit.
/// Requires: `most_bytes` is below 65,536.
std::size_t pack_labels(const flatbuffers::Vector<flatbuffers::Offset<wire::Label>>* labels,
                        Words& names, std::size_t most_bytes, std::string& bytes);

}  // namespace gala
