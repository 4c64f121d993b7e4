// The pieces that Redis' messages are made of.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "stages/l7-source/protocols/framing/framed.h"

namespace gala::l7_source {

inline constexpr std::size_t longest_redis_header = 32;
inline constexpr std::int64_t most_redis_elements = std::int64_t{1} << 31;
inline constexpr std::string_view redis_line_end = "\r\n";
inline constexpr std::string_view redis_reply_types = "+-:$*_#,(!=%~>|";

/// The line at the front without its end; nothing = it has not ended yet.
std::optional<std::string_view> redis_line(Bytes bytes);

/// An array's or bulk's header, and what stands behind it.
struct RedisElement {
  std::int64_t number = 0;
  /// Of the header line with its end.
  std::size_t header = 0;
  /// What a bulk holds, as far as it is here.
  std::string_view body;

  /// -1 is the null.
  [[nodiscard]] std::uint64_t count() const {
    return number < 0 ? 0 : static_cast<std::uint64_t>(number);
  }
  [[nodiscard]] std::uint64_t bulk_size() const {
    return number < 0 ? header : header + count() + redis_line_end.size();
  }
};

/// The element at the front, of a type that declares a number up to `most`. Nothing: `step` says
/// whether more bytes may make one.
std::optional<RedisElement> redis_element(Bytes bytes, std::int64_t most, Step& step);

Recognised recognise_redis(const Opening& opening);

}  // namespace gala::l7_source
