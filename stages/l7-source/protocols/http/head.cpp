// The head of an HTTP/1 message.
#include "stages/l7-source/protocols/http/head.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace gala::l7_source::http {
namespace {

constexpr std::string_view version = "HTTP/1.";
constexpr std::size_t longest_method = 20;
/// A segment of a path that is longer is a value: a token, a slug, a name of a file.
constexpr std::size_t longest_word = 32;
/// So many characters, all hexadecimal and one of them a digit, are an identity.
constexpr std::size_t shortest_hash = 8;
constexpr std::size_t shortest_token = 16;
constexpr std::uint64_t most_length = std::uint64_t{1} << 40;
constexpr std::array<std::string_view, 9> methods{"GET",   "POST",    "PUT",     "HEAD", "DELETE",
                                                  "PATCH", "OPTIONS", "CONNECT", "TRACE"};

std::string_view text_of(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }
bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
bool is_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }

char lower(char c) { return is_upper(c) ? static_cast<char>(c - 'A' + 'a') : c; }

bool same_word(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, {}, lower, lower);
}

std::string_view first_line(std::string_view text) {
  return text.substr(0, text.find_first_of("\r\n"));
}

std::string_view trimmed(std::string_view text) {
  const auto begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) {
    return {};
  }
  return text.substr(begin, text.find_last_not_of(" \t\r") - begin + 1);
}

/// Calls `use(name, value)` for each header that is there wholly.
template <class Use>
void for_each_header(std::string_view head, Use use) {
  for (auto end = head.find('\n'); end != std::string_view::npos; end = head.find('\n')) {
    const std::string_view line = head.substr(0, end);
    head.remove_prefix(end + 1);
    const auto colon = line.find(':');
    if (colon != std::string_view::npos) {
      use(line.substr(0, colon), trimmed(line.substr(colon + 1)));
    }
  }
}

void read_framing(std::string_view name, std::string_view value, Framing& framing) {
  if (same_word(name, "content-length")) {
    std::uint64_t length = 0;
    const auto read = std::from_chars(value.data(), value.data() + value.size(), length);
    if (read.ec == std::errc{} && read.ptr == value.data() + value.size()) {
      // More than anybody sends is no length, but what a scanner says.
      framing.content_length = std::min(length, most_length);
    }
  } else if (same_word(name, "transfer-encoding") && value.size() >= 7 &&
             same_word(value.substr(value.size() - 7), "chunked")) {
    framing.chunked = true;
  }
}

/// Numbers, hashes, UUIDs, and what no programmer would name a part of an interface.
bool is_value(std::string_view segment) {
  if (segment.size() > longest_word) {
    return true;
  }
  const auto plain = [](char c) {
    return is_digit(c) || is_upper(c) || is_lower(c) || c == '-' || c == '_' || c == '.';
  };
  if (!std::ranges::all_of(segment, plain)) {
    return true;
  }
  const auto digits = static_cast<std::size_t>(std::ranges::count_if(segment, is_digit));
  if (digits >= 5 || (digits > 0 && digits == segment.size())) {
    return true;
  }
  // Both cases and a digit in a long word: a token, a short link, a password that is to be reset.
  if (segment.size() >= shortest_token && digits > 0 && std::ranges::any_of(segment, is_upper) &&
      std::ranges::any_of(segment, is_lower)) {
    return true;
  }
  const auto hash = [](char c) { return is_hex(c) || c == '-'; };
  return digits > 0 && segment.size() >= shortest_hash && std::ranges::all_of(segment, hash);
}

bool is_method(std::string_view word) { return std::ranges::count(methods, word) > 0; }

}  // namespace

Start starts_request(Bytes bytes) {
  const std::string_view text = text_of(bytes);
  const auto space = text.find(' ');
  const std::string_view method = text.substr(0, space);
  if (method.size() > longest_method || !std::ranges::all_of(method, is_upper)) {
    return Start::other;
  }
  if (space == std::string_view::npos) {
    return Start::maybe;
  }
  const std::string_view line = first_line(text);
  const auto target = line.substr(space + 1);
  if (method.empty()) {
    return Start::other;
  }
  if (line.size() < text.size()) {  // the line is complete
    const auto last = line.rfind(' ');
    return last > space && line.substr(last + 1).starts_with(version) ? Start::message
                                                                      : Start::other;
  }
  const bool host = method == "CONNECT" && !target.empty() &&
                    (is_digit(target.front()) || is_lower(lower(target.front())));
  const bool begins_well = target.empty() || target.front() == '/' || target.front() == '*' ||
                           std::string_view("http").starts_with(target.substr(0, 4));
  return is_method(method) && (begins_well || host) ? Start::maybe : Start::other;
}

Start starts_reply(Bytes bytes) {
  const std::string_view text = text_of(bytes);
  const std::string_view begin = text.substr(0, version.size());
  if (begin != version.substr(0, begin.size())) {
    return Start::other;
  }
  constexpr std::size_t until_status = 12;  // "HTTP/1.1 200"
  if (text.size() < until_status) {
    return Start::maybe;
  }
  const bool status = text[8] == ' ' && text[9] >= '1' && text[9] <= '9' && is_digit(text[10]) &&
                      is_digit(text[11]);
  return status ? Start::message : Start::other;
}

std::optional<std::size_t> head_size(Bytes bytes) {
  const std::string_view text = text_of(bytes);
  for (auto end = text.find('\n'); end != std::string_view::npos; end = text.find('\n', end + 1)) {
    if (text.substr(end + 1).starts_with('\n')) {
      return end + 2;
    }
    if (text.substr(end + 1).starts_with("\r\n")) {
      return end + 3;
    }
  }
  return std::nullopt;
}

RequestHead read_request(Bytes bytes) {
  const std::string_view text = text_of(bytes);
  const std::string_view line = first_line(text);
  const auto space = line.find(' ');
  RequestHead head;
  head.method = std::string(line.substr(0, space).substr(0, longest_method));
  const std::string_view rest =
      space == std::string_view::npos ? std::string_view{} : line.substr(space + 1);
  const bool connects = head.method == "CONNECT";
  head.api = head.method + ' ' + (connects ? "{host}" : path_shape(rest.substr(0, rest.find(' '))));
  head.api.resize(std::min(head.api.size(), longest_api));
  for_each_header(text, [&](std::string_view name, std::string_view value) {
    read_framing(name, value, head.framing);
    if (same_word(name, "traceparent")) {
      head.trace_id = trace_of(value);
    }
  });
  return head;
}

ReplyHead read_reply(Bytes bytes) {
  const std::string_view text = text_of(bytes);
  ReplyHead head;
  head.status = (text[9] - '0') * 100 + (text[10] - '0') * 10 + (text[11] - '0');
  for_each_header(text, [&](std::string_view name, std::string_view value) {
    read_framing(name, value, head.framing);
  });
  return head;
}

bool may_be_nowhere(int status) {
  constexpr std::array told_by_routes{402, 409, 411, 412, 413, 415, 416,
                                      418, 422, 425, 428, 429, 451};
  const bool refused = status == 501 || status == 505;
  return refused ||
         (status >= 400 && status < 500 && std::ranges::count(told_by_routes, status) == 0);
}

std::string trace_of(std::string_view value) {
  constexpr std::size_t begin = 3;
  constexpr std::size_t size = 32;
  const std::string_view trace = value.substr(std::min(begin, value.size()), size);
  const bool valid = trace.size() == size && std::ranges::all_of(trace, is_hex);
  return valid ? std::string(trace) : std::string{};
}

std::string path_shape(std::string_view target) {
  target = target.substr(0, target.find_first_of("?#;"));
  if (const auto scheme = target.find("://"); scheme != std::string_view::npos) {
    const auto path = target.find('/', scheme + 3);
    target = path == std::string_view::npos ? std::string_view{"/"} : target.substr(path);
  }
  if (!target.starts_with('/')) {
    return target == "*" ? "*" : "/";
  }
  std::string shape;
  while (!target.empty() && shape.size() < longest_api) {
    target.remove_prefix(1);  // the slash
    const std::string_view segment = target.substr(0, target.find('/'));
    shape += '/';
    shape += is_value(segment) ? std::string_view{"{id}"} : segment;
    target.remove_prefix(segment.size());
  }
  return shape;
}

}  // namespace gala::l7_source::http
