// Heads of HTTP/2's frames.
#pragma once

#include <cstddef>
#include <cstdint>

#include "stages/l7-source/protocol.h"

namespace gala::l7_source::http2 {

inline constexpr std::size_t frame_head_size = 9;

enum FrameType : std::uint8_t {
  data = 0,
  headers = 1,
  rst_stream = 3,
  settings = 4,
  push_promise = 5,
  ping = 6,
  goaway = 7,
  window_update = 8,
  continuation = 9
};

inline constexpr std::uint8_t end_stream = 0x1;
inline constexpr std::uint8_t end_headers = 0x4;
inline constexpr std::uint8_t padded = 0x8;
inline constexpr std::uint8_t with_priority = 0x20;

struct Frame {
  /// Bytes behind the head.
  std::size_t size = 0;
  std::uint8_t type = 0;
  std::uint8_t flags = 0;
  std::uint32_t stream = 0;
};

/// Requires: frame_head_size bytes.
Frame frame_of(Bytes head);

/// Whether these bytes begin with a frame, and go on with further ones, as far as they are here.
bool looks_like_frames(Bytes bytes);

}  // namespace gala::l7_source::http2
