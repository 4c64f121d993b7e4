// The grammar of what harms whom: groups of metrics, hazards, exposures, hops of paths.
#include <algorithm>

#include "runtime/model/parse.h"
#include "runtime/model/paths.h"
#include "runtime/model/words.h"

namespace gala {
namespace {

using namespace std::chrono_literals;

Where read_where(SectionReader& reader) {
  std::vector<std::pair<std::string, std::vector<std::string>>> choices;
  reader.read_choices("where", choices);
  return {choices.begin(), choices.end()};
}

/// One word or a list of words.
void read_words(SectionReader& reader, std::string_view key, std::vector<std::string>& words) {
  const Value* value = reader.find(key);
  if (value == nullptr) {
    return;
  }
  if (value->array() != nullptr) {
    reader.read(key, words);
    return;
  }
  if (std::string word; reader.read(key, word)) {
    words.push_back(std::move(word));
  }
}

void require_words(SectionReader& reader, std::string_view key, std::vector<std::string>& words) {
  read_words(reader, key, words);
  if (words.empty()) {
    reader.error_at(key, reader.what() + " needs " + quote(key) + ": one word or a list of words");
  }
}

/// Any value looks abnormal in a series that was always zero, so a hazard names the least one that
/// can matter. Nobody knows it for foreign metrics.
void check_least_value(SectionReader& reader, const Hazard& hazard) {
  const bool high = hazard.direction == wire::Direction::high;
  if (hazard.method != Method::noisy_part && !(high ? hazard.above : hazard.below)) {
    const std::string key = high ? "above" : "below";
    reader.error_at(key, "hazard " + quote(hazard.id) + " lacks " + quote(key) +
                             ": the least value that can matter, in the metric's unit");
  }
}

/// What acts in a group is told with it, in both languages.
void check_together(SectionReader& reader, const Hazard& hazard) {
  const bool grouped = hazard.method == Method::shares_in_group;
  if (grouped == hazard.together.empty()) {
    reader.error_at("method", grouped
                                  ? "the method \"shares_in_group\" needs \"together\": the key "
                                    "or label that those share who act together"
                                  : "\"together\" needs method = \"shares_in_group\"");
  }
  for (const auto& [key, sentence] :
       {std::pair{"text", &hazard.text.en}, std::pair{"zh", &hazard.text.zh}}) {
    if (grouped && !contains(placeholders(*sentence), "cause.together")) {
      reader.error_at(key, quote(key) + " of hazard " + quote(hazard.id) +
                               " lacks {cause.together}, which says how many act together");
    }
  }
}

void check_hazard_values(SectionReader& reader, const Hazard& hazard) {
  if (hazard.above && hazard.below && *hazard.below > *hazard.above) {
    reader.error_at("below", "below must not exceed above");
  }
  check_least_value(reader, hazard);
  check_together(reader, hazard);
}

}  // namespace

Text read_text(SectionReader& reader, std::string_view key, bool required) {
  Text text;
  if (required) {
    reader.require(key, text.en);
    reader.require("zh", text.zh);
  } else {
    reader.read(key, text.en);
    reader.read("zh", text.zh);
  }
  return text;
}

std::vector<Hop> read_hops(SectionReader& reader, std::string_view key) {
  std::vector<std::string> hops;
  std::vector<Hop> path;
  reader.read(key, hops);
  for (const std::string& text : hops) {
    const auto colon = text.find(':');
    Hop hop;
    hop.forward = text.starts_with('>');
    if ((!hop.forward && !text.starts_with('<')) || colon == 1 || text.size() < 2) {
      reader.error_at(key, "cannot read the hop " + quote(text) +
                               "; write \">relation:entity\" along a relation or "
                               "\"<relation:entity\" against it");
      continue;
    }
    hop.relation = text.substr(1, colon == std::string::npos ? colon : colon - 1);
    hop.entity = colon == std::string::npos ? std::string{} : text.substr(colon + 1);
    path.push_back(std::move(hop));
  }
  return path;
}

std::string to_text(std::span<const Hop> hops) {
  std::string out;
  for (const Hop& hop : hops) {
    out.append(out.empty() ? "" : " ").append(hop.forward ? ">" : "<").append(hop.relation);
    out.append(hop.entity.empty() ? "" : ":").append(hop.entity);
  }
  return out;
}

MetricGroup parse_group(const Member& member, Diagnostics& diagnostics) {
  SectionReader reader(member.value, "group " + quote(member.key), diagnostics);
  MetricGroup group{member.key, {}, member.key_place};
  require_words(reader, "metrics", group.metrics);
  reader.finish();
  return group;
}

Hazard parse_hazard(const Value& section, Diagnostics& diagnostics) {
  SectionReader reader(section, "this hazard", diagnostics);
  Hazard hazard;
  hazard.place = reader.place();
  reader.require("id", hazard.id);
  read_words(reader, "kind", hazard.kinds);
  if (hazard.kinds.empty()) {
    hazard.kinds.push_back(hazard.id);
  }
  reader.require("metric", hazard.metric);
  reader.read_word("statistic", statistic_words(), hazard.statistic);
  reader.read_word("direction", direction_words(), hazard.direction);
  reader.read_word("method", method_words(), hazard.method);
  reader.read("together", hazard.together);
  hazard.where = read_where(reader);
  hazard.within = 10s;
  reader.read("within", hazard.within, {0.1, 3600});
  reader.read("prior", hazard.prior, {0.01, 1});
  reader.read("above", hazard.above);
  reader.read("below", hazard.below);
  reader.read("least_change", hazard.least_change, {0, 1e15});
  reader.read("floor", hazard.floor, {0.0001, 1});
  reader.require("keyword", hazard.keyword);
  hazard.text = read_text(reader, "text", true);
  reader.finish();
  check_hazard_values(reader, hazard);
  return hazard;
}

Exposure parse_exposure(const Value& section, Diagnostics& diagnostics) {
  SectionReader reader(section, "this exposure", diagnostics);
  Exposure exposure;
  exposure.place = reader.place();
  require_words(reader, "suffers", exposure.suffers);
  require_words(reader, "to", exposure.to);
  exposure.path = read_hops(reader, "path");
  reader.read("factor", exposure.factor, {0.01, 10});
  reader.read("within", exposure.within, {0.1, 3600});
  reader.read("covers", exposure.covers, {0, 10});
  reader.read("rate", exposure.rate);
  reader.read("needs", exposure.needs);
  exposure.needs_path = read_hops(reader, "needs_path");
  reader.read("needs_above", exposure.needs_above);
  reader.read("proxies", exposure.proxies);
  reader.finish();
  if (!exposure.rate.empty() && exposure.covers <= 0) {
    reader.error_at("rate", "\"rate\" needs \"covers\": which share of the effect counts fully");
  }
  return exposure;
}

}  // namespace gala
