// Moments: durations ago, ISO 8601 with and without a zone, Unix times.
#include "runtime/core/moment.h"

#include <array>
#include <charconv>
#include <chrono>
#include <cmath>
#include <ctime>
#include <optional>
#include <string>

#include "runtime/core/document.h"

namespace gala {
namespace {

/// 1973; a smaller number is a duration without its unit.
constexpr double earliest_unix_s = 1e8;
/// The year 5138; a larger number is in milliseconds.
constexpr double latest_unix_s = 1e11;
/// And the latest of those.
constexpr double latest_unix_ms = 1e14;

std::optional<std::int64_t> unix_ms(std::string_view text) {
  double number = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
  if (error != std::errc{} || end != text.data() + text.size() || !(number >= earliest_unix_s) ||
      number >= latest_unix_ms) {
    return std::nullopt;
  }
  return std::llround(number < latest_unix_s ? number * 1000 : number);
}

std::optional<int> digits(std::string_view text, int most) {
  int number = 0;
  if (text.size() != 2 || text.find_first_not_of("0123456789") != std::string_view::npos) {
    return std::nullopt;
  }
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number <= most ? std::optional(number) : std::nullopt;
}

/// "Z", "+08", "+0800", "-03:30" as seconds east of Greenwich.
std::optional<std::int64_t> zone_s(std::string_view text) {
  if (text == "Z" || text == "z") {
    return 0;
  }
  if (text.size() < 3 || (text[0] != '+' && text[0] != '-')) {
    return std::nullopt;
  }
  const auto hours = digits(text.substr(1, 2), 23);
  std::string_view rest = text.substr(3);
  if (rest.starts_with(':') && rest.size() > 1) {
    rest.remove_prefix(1);
  }
  const auto minutes = rest.empty() ? std::optional(0) : digits(rest, 59);
  if (!hours || !minutes) {
    return std::nullopt;
  }
  return (text[0] == '-' ? -1 : 1) * (*hours * 3600 + *minutes * 60);
}

/// ".25" as milliseconds, taken from the front of `text`.
std::optional<std::int64_t> take_fraction(std::string_view& text) {
  if (!text.starts_with('.') && !text.starts_with(',')) {
    return 0;
  }
  std::int64_t ms = 0;
  std::int64_t unit = 100;
  std::size_t at = 1;
  for (; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at, unit /= 10) {
    ms += (text[at] - '0') * unit;
  }
  if (at == 1) {
    return std::nullopt;
  }
  text.remove_prefix(at);
  return ms;
}

/// strptime takes a 31st of every month, and mktime makes the next month's first of it.
bool is_day(const std::tm& parts) {
  const std::chrono::year_month_day day(std::chrono::year(parts.tm_year + 1900),
                                        std::chrono::month(static_cast<unsigned>(parts.tm_mon) + 1),
                                        std::chrono::day(static_cast<unsigned>(parts.tm_mday)));
  return day.ok();
}

/// A date, a time of today or both; what follows is a fraction and a zone.
std::optional<std::int64_t> calendar_ms(const std::string& text, std::time_t today) {
  struct Form {
    const char* format;
    bool has_seconds;
    bool has_date;
  };
  constexpr std::array forms{Form{"%Y-%m-%dT%H:%M:%S", true, true},
                             Form{"%Y-%m-%dT%H:%M", false, true},
                             Form{"%Y-%m-%d %H:%M:%S", true, true},
                             Form{"%Y-%m-%d %H:%M", false, true},
                             Form{"%Y-%m-%d", false, true},
                             Form{"%H:%M:%S", true, false},
                             Form{"%H:%M", false, false}};
  for (const auto& [format, has_seconds, has_date] : forms) {
    std::tm parts{};
    ::localtime_r(&today, &parts);
    parts.tm_hour = parts.tm_min = parts.tm_sec = 0;
    parts.tm_isdst = -1;
    const char* end = ::strptime(text.c_str(), format, &parts);
    if (end == nullptr) {
      continue;
    }
    if (!is_day(parts)) {
      return std::nullopt;
    }
    std::string_view rest(end);
    const auto fraction = has_seconds ? take_fraction(rest) : std::optional<std::int64_t>(0);
    if (!fraction) {
      continue;
    }
    if (rest.empty()) {
      return std::int64_t{std::mktime(&parts)} * 1000 + *fraction;
    }
    // A zone shifts the day too, so a time of today cannot have one.
    const auto zone = has_date ? zone_s(rest) : std::nullopt;
    if (zone) {
      return (std::int64_t{::timegm(&parts)} - *zone) * 1000 + *fraction;
    }
  }
  return std::nullopt;
}

}  // namespace

Result<std::int64_t> parse_moment(std::string_view text, WallTime now) {
  if (text == "now") {
    return now.ms();
  }
  if (const auto ago = parse_duration(text)) {
    return WallTime{now.since_epoch - *ago}.ms();
  }
  if (const auto ms = unix_ms(text)) {
    return *ms;
  }
  if (const auto ms = calendar_ms(std::string(text), static_cast<std::time_t>(now.ms() / 1000))) {
    return *ms;
  }
  return fail("\"" + std::string(text) + "\" is no moment: write " + std::string(moment_forms));
}

}  // namespace gala
