// The body of an HTTP/1 message.
#include "stages/l7-source/protocols/http/body.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <string_view>

namespace gala::l7_source::http {
namespace {

/// A line of a chunk's size with its extensions, and a line of a trailer.
constexpr std::size_t longest_line = 1024;

/// The line with its end, "" while that has not come.
std::string_view line_of(Bytes bytes) {
  const std::string_view text{reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  const auto end = text.find('\n');
  return end == std::string_view::npos ? std::string_view{} : text.substr(0, end + 1);
}

}  // namespace

void Body::begin(const Framing& framing, NoLength otherwise) {
  state_ = State::done;
  if (framing.chunked) {
    state_ = State::chunk_size;
  } else if (framing.content_length.value_or(0) > 0) {
    state_ = State::length;
    length_ = *framing.content_length;
  } else if (!framing.content_length && otherwise == NoLength::until_close) {
    state_ = State::length;
    length_ = std::numeric_limits<std::uint64_t>::max();
  }
}

bool Body::pass(Stream& stream) {
  switch (state_) {
    case State::done:
      break;
    case State::length:
      stream.skip(length_);
      state_ = State::done;
      break;
    case State::chunk_size:
      return pass_chunk_size(stream);
    case State::trailer:
      return pass_trailer(stream);
  }
  return true;
}

bool Body::pass_chunk_size(Stream& stream) {
  const std::string_view line = line_of(stream.bytes());
  std::uint64_t size = 0;
  const auto read = std::from_chars(line.data(), line.data() + line.size(), size, 16);
  if (line.empty()) {
    // A line that does not end: nobody knows where the body does.
    if (stream.bytes().size() > longest_line) {
      stream.skip(std::numeric_limits<std::uint64_t>::max());
    }
    return false;
  }
  if (read.ec != std::errc{} || size > std::numeric_limits<std::uint64_t>::max() / 2) {
    stream.skip(std::numeric_limits<std::uint64_t>::max());
    return false;
  }
  const std::size_t line_end = line.ends_with("\r\n") ? 2 : 1;
  stream.skip(line.size());
  if (size == 0) {
    state_ = State::trailer;
  } else {
    stream.skip(size + line_end);
  }
  return true;
}

bool Body::pass_trailer(Stream& stream) {
  const std::string_view line = line_of(stream.bytes());
  if (line.empty()) {
    return false;
  }
  if (line == "\n" || line == "\r\n") {
    state_ = State::done;
  }
  stream.skip(line.size());
  return true;
}

}  // namespace gala::l7_source::http
