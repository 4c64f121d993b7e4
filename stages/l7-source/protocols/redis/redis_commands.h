// The commands of Redis and of what speaks like it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace gala::l7_source {

inline constexpr std::size_t longest_redis_command = 20;

/// What a command does to the order of requests and answers.
enum class RedisKind : std::uint8_t {
  plain,
  /// Its answer may wait on purpose.
  blocking,
  /// It waits on purpose if it has the word BLOCK.
  may_block,
  /// Answered once a channel; pushes may follow.
  subscribing,
  /// Answered, then the connection is a stream of its own.
  monitor,
  replication,
  client,
};

struct RedisCommand {
  /// In capital letters; "~other" = not in the list.
  std::string_view name;
  RedisKind kind = RedisKind::plain;
};

/// Any case. What is not in the list is "~other", so that no value is taken for a command.
RedisCommand redis_command(std::string_view name);

/// The first word of an error, if it is one that servers send; else "~other".
std::string_view redis_error_code(std::string_view message);
/// Not an error but a way: another node, or a script to be sent once more.
bool is_redis_redirection(std::string_view code);
/// The server could not do what was rightly asked.
bool is_redis_server_error(std::string_view code);

}  // namespace gala::l7_source
