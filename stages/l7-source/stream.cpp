// One direction of a connection as a parser reads it.
#include "stages/l7-source/stream.h"

#include <algorithm>

namespace gala::l7_source {

void Stream::append(Bytes bytes) {
  const auto skipped = static_cast<std::size_t>(std::min<std::uint64_t>(skip_, bytes.size()));
  skip_ -= skipped;
  bytes = bytes.subspan(skipped);
  if (bytes.empty() || broken_) {
    return;
  }
  if (read_ > 0) {
    held_.erase(held_.begin(), held_.begin() + static_cast<std::ptrdiff_t>(read_));
    read_ = 0;
  }
  const std::size_t room = most_collected - held_.size();
  const Bytes kept = bytes.first(std::min(room, bytes.size()));
  held_.insert(held_.end(), kept.begin(), kept.end());
  broken_ = kept.size() < bytes.size();
}

void Stream::gap(std::uint64_t missing) {
  const std::uint64_t skipped = std::min(skip_, missing);
  skip_ -= skipped;
  if (missing > skipped) {
    broken_ = true;
  }
}

void Stream::skip(std::uint64_t size) {
  const auto held = static_cast<std::size_t>(std::min<std::uint64_t>(size, bytes().size()));
  read_ += held;
  // Behind a gap nobody knows where the rest ends.
  if (!broken_) {
    skip_ += size - held;
  }
}

void Stream::resume() {
  held_.clear();
  read_ = 0;
  skip_ = 0;
  broken_ = false;
}

}  // namespace gala::l7_source
