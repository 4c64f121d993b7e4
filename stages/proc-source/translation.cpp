// Connection tracking and IP virtual server tables.
#include "stages/proc-source/translation.h"

#include <fmt/format.h>

#include <array>
#include <map>
#include <optional>

#include "stages/proc-source/text.h"

namespace gala::proc_source {
namespace {

/// One direction of a tracked connection.
struct Direction {
  std::string_view source;
  std::string_view destination;
  std::uint64_t source_port = 0;
  std::uint64_t destination_port = 0;
};

/// The next src= dst= sport= dport= of the line.
std::optional<Direction> next_direction(Words& words) {
  Direction direction;
  int found = 0;
  for (auto word = words.next(); !word.empty(); word = words.next()) {
    const Halves halves = split_once(word, '=');
    if (halves.first == "src") {
      direction.source = halves.second;
    } else if (halves.first == "dst") {
      direction.destination = halves.second;
    } else if (halves.first == "sport") {
      direction.source_port = parse_unsigned(halves.second).value_or(0);
    } else if (halves.first == "dport") {
      direction.destination_port = parse_unsigned(halves.second).value_or(0);
    } else {
      continue;
    }
    if (++found == 4) {
      return direction;
    }
  }
  return std::nullopt;
}

/// "C0A8012E" → "192.168.1.46"; an IPv6 address stands in brackets. "" for anything else.
std::string ipvs_address(std::string_view word) {
  if (word.size() > 2 && word.front() == '[' && word.back() == ']') {
    return std::string(word.substr(1, word.size() - 2));
  }
  const auto number = word.size() == 8 ? parse_hexadecimal(word) : std::nullopt;
  return number ? fmt::format("{}.{}.{}.{}", *number >> 24, (*number >> 16) & 255,
                              (*number >> 8) & 255, *number & 255)
                : std::string{};
}

}  // namespace

void parse_conntrack(std::string_view text, std::vector<TranslationRow>& rows) {
  Lines lines(text);
  while (const auto line = lines.next()) {
    Words words(*line);
    words.skip(2);
    if (words.next() != "tcp") {
      continue;
    }
    const auto there = next_direction(words);
    const auto back = there ? next_direction(words) : std::nullopt;
    if (!back || (there->destination == back->source && there->source == back->destination &&
                  there->destination_port == back->source_port)) {
      continue;
    }
    rows.push_back({std::string(there->source), std::string(there->destination),
                    there->destination_port, std::string(back->destination),
                    std::string(back->source), back->source_port, "conntrack", 1});
  }
}

void parse_ipvs(std::string_view text, std::vector<TranslationRow>& rows) {
  Lines lines(text);
  while (const auto line = lines.next()) {
    Words words(*line);
    if (words.next() != "TCP") {
      continue;
    }
    std::array<std::string_view, 6> fields;
    for (std::string_view& field : fields) {
      field = words.next();
    }
    TranslationRow row;
    row.client_ip = ipvs_address(fields[0]);
    row.virtual_ip = ipvs_address(fields[2]);
    row.virtual_port = parse_hexadecimal(fields[3]).value_or(0);
    row.server_ip = ipvs_address(fields[4]);
    row.server_port = parse_hexadecimal(fields[5]).value_or(0);
    row.local_ip = row.client_ip;
    row.by = "ipvs";
    row.connections = 1;
    if (!row.client_ip.empty() && !row.virtual_ip.empty() && !row.server_ip.empty()) {
      rows.push_back(std::move(row));
    }
  }
}

std::vector<TranslationRow> read_translations(Files& files, std::size_t most, std::uint64_t& lost) {
  std::vector<TranslationRow> all;
  if (const auto text = files.read("proc/net/nf_conntrack")) {
    parse_conntrack(*text, all);
  }
  if (const auto text = files.read("proc/net/ip_vs_conn")) {
    parse_ipvs(*text, all);
  }
  std::map<std::string, std::size_t> place_of;
  std::vector<TranslationRow> rows;
  for (TranslationRow& row : all) {
    const std::string key =
        fmt::format("{} {} {} {} {} {} {}", row.client_ip, row.virtual_ip, row.virtual_port,
                    row.local_ip, row.server_ip, row.server_port, row.by);
    if (const auto known = place_of.find(key); known != place_of.end()) {
      rows[known->second].connections += 1;
    } else if (rows.size() >= most) {
      ++lost;
    } else {
      place_of.emplace(key, rows.size());
      rows.push_back(std::move(row));
    }
  }
  return rows;
}

}  // namespace gala::proc_source
