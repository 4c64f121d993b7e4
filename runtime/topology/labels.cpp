// Packs labels and reads them in place. A label is the number of its name, the size of its value,
// and the value.
#include "runtime/topology/labels.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <tuple>
#include <vector>

#include "runtime/core/wire.h"

namespace gala {
namespace {

constexpr std::size_t head_bytes = 2 * sizeof(std::uint16_t);

struct Head {
  std::uint16_t name = 0;
  std::uint16_t size = 0;
};

Head head_at(const char* bytes) {
  Head head;
  std::memcpy(&head.name, bytes, sizeof(head.name));
  std::memcpy(&head.size, bytes + sizeof(head.name), sizeof(head.size));
  return head;
}

void append(std::string& bytes, std::uint16_t number) {
  char raw[sizeof(number)];
  std::memcpy(raw, &number, sizeof(number));
  bytes.append(raw, sizeof(number));
}

}  // namespace

Labels::Label Labels::Iterator::operator*() const {
  const Head head = head_at(at_);
  return {names_->text(head.name), {at_ + head_bytes, head.size}};
}

Labels::Iterator& Labels::Iterator::operator++() {
  at_ += head_bytes + head_at(at_).size;
  return *this;
}

std::string_view Labels::value(std::string_view name) const {
  const auto wanted = names_ == nullptr ? std::nullopt : names_->find(name);
  if (!wanted) {
    return {};
  }
  for (const char* at = bytes_.data(); at != bytes_.data() + bytes_.size();) {
    const Head head = head_at(at);
    if (head.name == *wanted) {
      return {at + head_bytes, head.size};
    }
    at += head_bytes + head.size;
  }
  return {};
}

std::size_t pack_labels(const flatbuffers::Vector<flatbuffers::Offset<wire::Label>>* labels,
                        Words& names, std::size_t most_bytes, std::string& bytes) {
  if (labels == nullptr) {
    return 0;
  }
  struct Entry {
    std::string_view name;
    std::string_view value;
    Words::Number number;
  };
  std::vector<Entry> entries;
  entries.reserve(std::min<std::size_t>(labels->size(), most_bytes / head_bytes));
  std::size_t size = bytes.size();
  std::size_t left_out = 0;
  for (const wire::Label* label : *labels) {
    const std::string_view value = text_of(label->value());
    const bool fits = size + head_bytes + value.size() <= most_bytes;
    const auto number = fits ? names.number(text_of(label->name())) : std::nullopt;
    if (!number) {
      ++left_out;
      continue;
    }
    size += head_bytes + value.size();
    entries.push_back({names.text(*number), value, *number});
  }
  std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
    return std::tie(a.name, a.value) < std::tie(b.name, b.value);
  });
  for (const Entry& entry : entries) {
    append(bytes, entry.number);
    append(bytes, static_cast<std::uint16_t>(entry.value.size()));
    bytes.append(entry.value);
  }
  return left_out;
}

}  // namespace gala
