// Pressure stall information.
#include "stages/proc-source/pressure.h"

#include "stages/proc-source/text.h"

namespace gala::proc_source {

PressureRow parse_pressure(std::string_view text) {
  constexpr double ns_per_us = 1e3;
  PressureRow row;
  Lines lines(text);
  while (const auto line = lines.next()) {
    Words words(*line);
    const auto share = words.next();
    if (share != "some" && share != "full") {
      continue;
    }
    const bool some = share == "some";
    for (auto word = words.next(); !word.empty(); word = words.next()) {
      const Halves halves = split_once(word, '=');
      const double value = parse_number(halves.second);
      if (halves.first == "avg10") {
        (some ? row.some_avg10_percent : row.full_avg10_percent) = value;
      } else if (halves.first == "avg60") {
        (some ? row.some_avg60_percent : row.full_avg60_percent) = value;
      } else if (halves.first == "total") {
        (some ? row.some_ns : row.full_ns) = value * ns_per_us;
      }
    }
  }
  return row;
}

std::vector<PressureRow> read_pressure(Files& files) {
  std::vector<PressureRow> rows;
  for (const std::string& resource : files.list("proc/pressure")) {
    // With psi=0 the files are there, but opening or reading them is refused.
    if (const auto text = files.read("proc/pressure/" + resource); text && !text->empty()) {
      rows.push_back(parse_pressure(*text));
      rows.back().resource = resource;
    }
  }
  return rows;
}

}  // namespace gala::proc_source
