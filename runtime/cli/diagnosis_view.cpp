// JSON of a diagnosis → a block of text.
#include "runtime/cli/diagnosis_view.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <cmath>
#include <ctime>
#include <nlohmann/json.hpp>
#include <vector>

#include "runtime/cli/sparkline.h"
#include "runtime/text/quantity.h"
#include "runtime/text/terminal.h"
#include "runtime/text/utf8.h"

namespace gala {
namespace {

using Json = nlohmann::json;

constexpr std::size_t spark_width = 30;

const Json& member(const Json& object, const char* key) {
  static const Json nothing;
  if (!object.is_object()) {
    return nothing;
  }
  const auto found = object.find(key);
  return found == object.end() ? nothing : *found;
}

/// A text for a terminal.
std::string text_of(const Json& value) {
  return value.is_string() ? printable(value.get_ref<const std::string&>()) : std::string();
}

double number_of(const Json& value) {
  return value.is_number() ? value.get<double>() : std::nan("");
}

std::string sentence(const Json& object, const DiagnosisStyle& style) {
  std::string chinese = style.chinese ? text_of(member(object, "desc_zh")) : "";
  return chinese.empty() ? text_of(member(object, "desc")) : chinese;
}

/// Chinese punctuation that must not begin a line, and that must not end one.
bool sticks_to_what_is_before(char32_t code) {
  return std::u32string_view(U"，。、；：！？）」》”").find(code) != std::u32string_view::npos;
}
bool sticks_to_what_follows(char32_t code) {
  return std::u32string_view(U"（「《“").find(code) != std::u32string_view::npos;
}

/// What stays on one line: up to a space, or one wide character with its punctuation.
std::string_view first_piece(std::string_view text) {
  std::size_t bytes = 0;
  while (bytes < text.size() && text[bytes] != ' ') {
    const Utf8Character character = first_character(text.substr(bytes));
    const bool is_wide = display_width(text.substr(bytes, character.size)) == 2;
    bytes += character.size;
    if (bytes == text.size() || text[bytes] == ' ') {
      break;
    }
    const Utf8Character next = first_character(text.substr(bytes));
    const bool next_is_wide = display_width(text.substr(bytes, next.size)) == 2;
    if ((is_wide || next_is_wide) && !sticks_to_what_is_before(next.code) &&
        !sticks_to_what_follows(character.code)) {
      break;
    }
  }
  return text.substr(0, bytes);
}

/// Breaks at spaces and between Chinese characters; every line but the first begins with `indent`
/// spaces.
std::string wrap(std::string_view text, std::size_t indent, std::size_t width) {
  std::string out;
  std::size_t column = indent;
  while (!text.empty()) {
    const bool spaced = text.front() == ' ';
    text.remove_prefix(spaced ? 1 : 0);
    const std::string_view piece = first_piece(text);
    const std::size_t gap = spaced && column > indent ? 1 : 0;
    const std::size_t columns = display_width(piece);
    if (column > indent && column + gap + columns > width) {
      out += "\n" + std::string(indent, ' ');
      column = indent;
    } else {
      out.append(gap, ' ');
      column += gap;
    }
    out.append(piece);
    column += columns;
    text.remove_prefix(piece.size());
  }
  return out;
}

class Writer {
 public:
  Writer(const Json& diagnosis, const DiagnosisStyle& style)
      : diagnosis_(diagnosis),
        style_(style),
        machine_(text_of(member(member(diagnosis, "Attributes"), "machine_id")) + "_") {}

  std::string write() {
    const Json& resource = member(diagnosis_, "Resource");
    write_head(member(resource, "abnormal_kpi"));
    line("  ", sentence(resource, style_));
    write_affected(member(resource, "affected_kpis"));
    const Json& causes = member(resource, "cause_metrics");
    std::size_t shown = 0;
    if (causes.is_array()) {
      for (; shown < causes.size() && shown < style_.causes; ++shown) {
        write_cause(causes[shown]);
      }
      if (causes.size() > shown) {
        out_ += fmt::format("  … and {} less likely\n", causes.size() - shown);
      }
    }
    write_samples(member(resource, "samples"));
    return std::move(out_);
  }

 private:
  std::string bold(const std::string& text) const {
    return style_.color ? "\033[1m" + text + "\033[0m" : text;
  }

  void line(const std::string& lead, const std::string& text) {
    if (!text.empty()) {
      out_ += lead + wrap(text, lead.size(), style_.width) + "\n";
    }
  }

  void write_head(const Json& kpi) {
    const Json& attributes = member(diagnosis_, "Attributes");
    out_ += fmt::format("{}  {}\n", clock_time(number_of(member(attributes, "said"))),
                        bold(wrap(sentence(kpi, style_), 10, style_.width)));
    const double seconds = number_of(member(attributes, "seconds_to_diagnosis"));
    const double version = number_of(member(attributes, "version"));
    out_ += fmt::format("  bent {}, said {} ({} later{})\n",
                        clock_time(number_of(member(attributes, "bent"))),
                        clock_time(number_of(member(attributes, "said"))), quantity(seconds, "s"),
                        version > 1 ? fmt::format(", version {:.0f}", version) : "");
    write_series("  kpi       ", member(kpi, "series"), short_id(kpi));
  }

  /// The entity id without the machine, which is the same in a whole block.
  std::string short_id(const Json& object) const {
    const std::string id = text_of(member(object, "entity_id"));
    return id.starts_with(machine_) ? id.substr(machine_.size()) : id;
  }

  void write_series(const std::string& lead, const Json& series, const std::string& what) {
    std::vector<double> values;
    const Json& points = member(series, "points");
    if (!points.is_array() || points.empty()) {
      return;
    }
    for (const Json& point : points) {
      values.push_back(point.is_array() && point.size() == 2 ? number_of(point[1]) : std::nan(""));
    }
    const std::string unit = text_of(member(series, "unit"));
    const std::string statistic = text_of(member(series, "statistic"));
    out_ += fmt::format("{}{}  {} → {}\n", lead, sparkline(values, spark_width),
                        quantity(values.front(), unit), quantity(values.back(), unit));
    line("            ", text_of(member(series, "metric_id")) +
                             (statistic.empty() || statistic == "value" ? "" : " " + statistic) +
                             " of " + what);
  }

  /// The KPIs of the incident besides the one that is explained.
  void write_affected(const Json& kpis) {
    for (std::size_t i = 1; kpis.is_array() && i < kpis.size(); ++i) {
      line("  also      ", sentence(kpis[i], style_));
    }
  }

  void write_remedies(const Json& remedies) {
    if (remedies.is_array()) {
      for (const Json& remedy : remedies) {
        line("    remedy  ", sentence(remedy, style_) + " (gala remedy --id " +
                                 text_of(member(remedy, "id")) + ")");
      }
    }
  }

  void write_cause(const Json& cause) {
    const std::string lead =
        fmt::format("  {:.0f}. {:>3.0f} %  {:<12}", number_of(member(cause, "rank")),
                    number_of(member(cause, "score")) * 100, text_of(member(cause, "keyword")));
    out_ += lead + bold(wrap(sentence(cause, style_), lead.size(), style_.width)) + "\n";
    std::string path;
    const Json& steps = member(cause, "path");
    if (steps.is_array()) {
      for (const Json& step : steps) {
        path += (path.empty() ? "" : " → ") + short_id(step);
      }
    }
    line("    path    ", path);
    const Json& evidence = member(cause, "evidence");
    if (evidence.is_array() && !evidence.empty()) {
      write_series("    evidence ", evidence.front(), short_id(evidence.front()));
    }
    write_remedies(member(cause, "remedies"));
  }

  /// Single requests of the time, as they were asked and answered.
  void write_samples(const Json& samples) {
    if (samples.is_array()) {
      for (const Json& sample : samples) {
        line(style_.chinese ? "  请求      " : "  request   ",
             clock_time(number_of(member(sample, "timestamp"))) + " " + sentence(sample, style_));
      }
    }
  }

  const Json& diagnosis_;
  const DiagnosisStyle& style_;
  std::string machine_;
  std::string out_;
};

}  // namespace

std::string clock_time(double unix_ms) {
  // Beyond the year 9999, or no number at all.
  const bool has_date = unix_ms >= 0 && unix_ms < 253'402'300'800'000.0;
  if (!has_date) {
    return "-";
  }
  const auto seconds = static_cast<std::time_t>(unix_ms / 1000);
  std::tm parts{};
  ::localtime_r(&seconds, &parts);
  return fmt::format("{:%T}", parts);
}

std::string diagnosis_text(const nlohmann::json& diagnosis, const DiagnosisStyle& style) {
  return Writer(diagnosis, style).write();
}

}  // namespace gala
