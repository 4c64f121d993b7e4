// The head of an HTTP/1 message, complete or cut off: its first line and the few headers that frame
// the message.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "stages/l7-source/protocol.h"

namespace gala::l7_source::http {

/// How long the body is, as far as the head tells.
struct Framing {
  std::optional<std::uint64_t> content_length;
  bool chunked = false;
};

struct RequestHead {
  std::string method;
  /// Method and path with its values replaced: "GET /user/{id}".
  std::string api;
  std::string trace_id;
  Framing framing;
};

struct ReplyHead {
  int status = 0;
  Framing framing;
};

/// What the bytes begin with.
enum class Start { message, maybe, other };

/// Whether these are the first bytes of a request, or of a reply. `maybe`: too few to tell.
Start starts_request(Bytes bytes);
Start starts_reply(Bytes bytes);

/// Bytes of the head with its empty line, nothing while that has not come.
std::optional<std::size_t> head_size(Bytes bytes);

/// Reads a head, or as much as there is of it. Requires: starts_request, or starts_reply, says that
/// it is one.
RequestHead read_request(Bytes head);
ReplyHead read_reply(Bytes head);

/// Whether an error with this status is answered to paths that do not exist, too. The others are
/// told by whoever has the route: a conflict, too many requests.
bool may_be_nowhere(int status);

/// The trace of a traceparent header's value (W3C Trace Context); "" when it is none.
std::string trace_of(std::string_view value);

/// The path of a request's target without query, with what looks like a value as {id}.
std::string path_shape(std::string_view target);

}  // namespace gala::l7_source::http
