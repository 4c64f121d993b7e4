// The verbs and answers of memcached's text protocol, the operations of its binary one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "stages/l7-source/protocols/framing/fields.h"

namespace gala::l7_source {

/// What answers a command can have.
enum class MemcachedKind : std::uint8_t { retrieval, storage, statistics, simple, meta, stream };

struct MemcachedVerb {
  std::string_view name;
  MemcachedKind kind = MemcachedKind::simple;
};

/// A command's line. Its words stay valid while the text does.
struct MemcachedCommand {
  MemcachedVerb verb;
  /// Of the data block behind the line, its end included; 0 without one.
  std::uint64_t data_size = 0;
  /// No answer comes, or only the one that matters (meta commands with q).
  bool silent = false;
  bool quiet = false;
  /// Of the flag O, 0 without it.
  std::uint32_t opaque = 0;
  /// All words that its form asks for are there and are what they should be.
  bool valid = false;
};

/// The command of a line, without its end; `verb.name` is empty if there is none.
MemcachedCommand memcached_command(std::string_view line);

struct MemcachedAnswer {
  std::string_view word;
  std::uint64_t data_size = 0;
  std::uint32_t opaque = 0;
  bool error = false;
  /// More of the same answer follows: VALUE, STAT.
  bool goes_on = false;
};

/// `word` is empty if the line is no answer.
MemcachedAnswer memcached_answer(std::string_view line);

/// Whether a command of this kind can be answered so. `quiet_verb`: it is quiet, "" = it is not.
bool memcached_fits(MemcachedKind kind, std::string_view quiet_verb, const MemcachedAnswer& answer);

inline constexpr std::size_t memcached_header_size = 24;
inline constexpr std::uint8_t memcached_request_magic = 0x80;
inline constexpr std::uint8_t memcached_reply_magic = 0x81;

struct MemcachedHeader {
  std::uint8_t magic = 0;
  std::uint8_t operation = 0;
  std::uint16_t key_size = 0;
  std::uint8_t extras_size = 0;
  std::uint8_t data_type = 0;
  /// Of an answer; a request has its partition there.
  std::uint16_t status = 0;
  std::uint32_t body_size = 0;
  std::uint32_t opaque = 0;

  [[nodiscard]] std::uint64_t size() const {
    return memcached_header_size + std::uint64_t{body_size};
  }
};

/// Requires: `bytes` holds a header.
MemcachedHeader memcached_header(Bytes bytes);
/// "get", "setq"; "" = there is no such operation.
std::string_view memcached_operation(std::uint8_t operation);
bool is_memcached_quiet(std::uint8_t operation);
/// Whether the sizes are those that the operation has.
bool is_memcached_request(const MemcachedHeader& header);

Recognised recognise_memcached(const Opening& opening);

}  // namespace gala::l7_source
