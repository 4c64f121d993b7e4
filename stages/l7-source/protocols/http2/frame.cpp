// Heads of HTTP/2's frames.
#include "stages/l7-source/protocols/http2/frame.h"

#include <algorithm>

namespace gala::l7_source::http2 {
namespace {

/// A head that ends use if nobody allows more (RFC 9113, 4.2), and whose parts fit one another.
bool is_usual(const Frame& frame, Bytes head) {
  constexpr std::size_t usual_most = 16'384;
  const bool of_connection = frame.type == settings || frame.type == ping || frame.type == goaway;
  const bool right_stream = frame.type == window_update || of_connection == (frame.stream == 0);
  const bool right_size =
      (frame.type != ping || frame.size == 8) && (frame.type != window_update || frame.size == 4);
  const bool reserved = (head[5] & 0x80U) != 0;
  return frame.size <= usual_most && frame.type <= continuation && !reserved && right_stream &&
         right_size;
}

}  // namespace

Frame frame_of(Bytes head) {
  const auto at = [&](std::size_t i) { return static_cast<std::uint32_t>(head[i]); };
  return {at(0) << 16 | at(1) << 8 | at(2), head[3], head[4],
          (at(5) << 24 | at(6) << 16 | at(7) << 8 | at(8)) & 0x7fffffffU};
}

bool looks_like_frames(Bytes bytes) {
  if (bytes.size() < frame_head_size) {
    return false;
  }
  while (bytes.size() >= frame_head_size) {
    const Frame frame = frame_of(bytes);
    if (!is_usual(frame, bytes)) {
      return false;
    }
    bytes = bytes.subspan(std::min(bytes.size(), frame_head_size + frame.size));
  }
  return true;
}

}  // namespace gala::l7_source::http2
