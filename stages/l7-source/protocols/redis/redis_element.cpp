// Lines and counted elements.
#include "stages/l7-source/protocols/redis/redis_element.h"

#include <algorithm>
#include <charconv>

#include "stages/l7-source/protocols/framing/fields.h"

namespace gala::l7_source {

namespace {

/// The number of "$12", "*3", "$-1"; nothing = it is none.
std::optional<std::int64_t> number_of(std::string_view header) {
  if (header.size() < 2) {
    return std::nullopt;
  }
  std::int64_t value = 0;
  const char* const end = header.data() + header.size();
  const auto parsed = std::from_chars(header.data() + 1, end, value);
  const bool whole = parsed.ec == std::errc() && parsed.ptr == end;
  return whole ? std::optional(value) : std::nullopt;
}

bool starts_like(std::string_view text, std::string_view full) {
  return text.substr(0, full.size()) == full.substr(0, text.size());
}

}  // namespace

std::optional<std::string_view> redis_line(Bytes bytes) {
  const std::string_view text = text_of(bytes);
  const std::size_t end = text.find(redis_line_end);
  return end == std::string_view::npos ? std::nullopt : std::optional(text.substr(0, end));
}

std::optional<RedisElement> redis_element(Bytes bytes, std::int64_t most, Step& step) {
  const auto line = redis_line(bytes.first(std::min(bytes.size(), longest_redis_header)));
  if (!line) {
    step = bytes.size() < longest_redis_header ? Step::more() : Step::violation();
    return std::nullopt;
  }
  const auto number = number_of(*line);
  if (!number || *number < -1 || *number > most) {
    step = Step::violation();
    return std::nullopt;
  }
  RedisElement element{*number, line->size() + redis_line_end.size(), {}};
  const std::string_view behind = text_of(bytes).substr(element.header);
  element.body = behind.substr(0, static_cast<std::size_t>(std::max<std::int64_t>(*number, 0)));
  const bool bulk = std::string_view("$!=").find(line->front()) != std::string_view::npos;
  if (bulk && *number >= 0 &&
      !starts_like(behind.substr(element.body.size()).substr(0, 2), redis_line_end)) {
    step = Step::violation();
    return std::nullopt;
  }
  return element;
}

}  // namespace gala::l7_source
