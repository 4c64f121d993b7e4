// Headers, commands and errors of MongoDB's messages.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "stages/l7-source/protocols/framing/fields.h"

namespace gala::l7_source {

inline constexpr std::size_t mongodb_header_size = 16;
inline constexpr std::uint32_t longest_mongodb_message = 48'100'000;

namespace mongodb_operation {
inline constexpr std::uint32_t reply = 1;
inline constexpr std::uint32_t update = 2001;
inline constexpr std::uint32_t insert = 2002;
inline constexpr std::uint32_t query = 2004;
inline constexpr std::uint32_t get_more = 2005;
inline constexpr std::uint32_t remove = 2006;
inline constexpr std::uint32_t kill_cursors = 2007;
inline constexpr std::uint32_t compressed = 2012;
inline constexpr std::uint32_t message = 2013;
}  // namespace mongodb_operation

struct MongodbHeader {
  std::uint32_t length = 0;
  std::uint32_t id = 0;
  std::uint32_t responds_to = 0;
  std::uint32_t operation = 0;
};

/// Requires: `bytes` holds a header.
MongodbHeader mongodb_header(Bytes bytes);
/// Whether such a message can be, in any direction.
bool is_mongodb_header(const MongodbHeader& header);

/// What a request asks for.
struct MongodbCommand {
  std::string api;
  /// The command is one that MongoDB has.
  bool known = false;
  bool parked = false;
  /// No answer comes (moreToCome).
  bool silent = false;
  /// The body begins as it should.
  bool valid = true;
};
/// `body` is what stands behind the header, which may be cut.
MongodbCommand mongodb_command(const MongodbHeader& header, Bytes body);

/// What an answer says.
struct MongodbAnswer {
  /// "" = no error.
  std::string code;
  ErrorClass error = ErrorClass::none;
  /// More answers follow to the same request.
  bool more = false;
};
MongodbAnswer mongodb_answer(const MongodbHeader& header, Bytes body);

Recognised recognise_mongodb(const Opening& opening);

}  // namespace gala::l7_source
