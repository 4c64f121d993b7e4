// The Redis protocol as far as a load generator needs it: commands out, whole replies in.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

namespace gala::demo {

/// A command as Redis reads it.
std::string resp_command(std::initializer_list<std::string_view> words);

/// A whole reply at the beginning of a buffer.
struct Reply {
  std::size_t size_bytes = 0;
  bool is_error = false;
};

enum class ReplyState { whole, incomplete, broken };

/// Looks for one reply at the beginning of `buffer`; fills in `reply` when it is whole.
ReplyState read_reply(std::string_view buffer, Reply& reply);

}  // namespace gala::demo
