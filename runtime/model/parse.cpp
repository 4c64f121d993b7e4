// schemas/model/<entity>.toml → Entity: the grammar of one file, without looking at other files.
#include "runtime/model/parse.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <filesystem>

#include "runtime/core/section.h"
#include "runtime/model/words.h"

namespace gala {
namespace {

using namespace std::chrono_literals;
using Pairs = std::vector<std::pair<std::string, std::string>>;
using Choices = std::vector<std::pair<std::string, std::vector<std::string>>>;

constexpr std::array<std::string_view, 3> levels{"host", "process", "rpc"};

bool is_identifier(std::string_view text) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  };
  const char first = text.empty() ? '_' : text.front();
  return text.size() <= 64 && first != '_' && (first < '0' || first > '9') &&
         std::ranges::all_of(text, allowed);
}

Where to_where(Choices choices) { return {choices.begin(), choices.end()}; }

class EntityParser {
 public:
  EntityParser(std::string name, Diagnostics& diagnostics) : diagnostics_(diagnostics) {
    entity_.name = std::move(name);
  }

  Entity parse(const Value& document) {
    entity_.place = document.place();
    SectionReader reader(document, "the entity file", diagnostics_);
    check_name(entity_.name, document.place(), "an entity (its file's name)");
    parse_head(reader);
    for_each_table(reader, "key", [&](const Member& member) {
      entity_.keys.push_back(parse_attribute(member, "key"));
    });
    for_each_table(reader, "label", [&](const Member& member) {
      entity_.labels.push_back(parse_attribute(member, "label"));
    });
    for_each_table(reader, "table", [&](const Member& member) { parse_table(member); });
    for_each_table(reader, "metric", [&](const Member& member) { parse_metric(member); });
    for_each_element(reader, "check", [&](const Value& one) { parse_check(one); });
    for_each_element(reader, "relation", [&](const Value& one) { parse_relation(one); });
    for_each_table(reader, "group", [&](const Member& member) {
      entity_.groups.push_back(parse_group(member, diagnostics_));
    });
    for_each_element(reader, "hazard", [&](const Value& one) {
      entity_.hazards.push_back(parse_hazard(one, diagnostics_));
    });
    for_each_element(reader, "exposure", [&](const Value& one) {
      entity_.exposures.push_back(parse_exposure(one, diagnostics_));
    });
    for_each_element(reader, "remedy", [&](const Value& one) { parse_remedy(one); });
    parse_samples(reader);
    reader.finish();
    return std::move(entity_);
  }

 private:
  void check_name(std::string_view name, const Place& place, std::string_view what) {
    if (!is_identifier(name)) {
      diagnostics_.error(place, quote(name) + " cannot name " + std::string(what) +
                                    ": a name starts with a letter and goes on with letters, "
                                    "digits and '_' (at most 64)");
    }
  }

  template <class Function>
  void for_each_table(SectionReader& document, std::string_view key, Function&& function) {
    const Value* tables = document.find(key);
    if (tables == nullptr) {
      return;
    }
    if (tables->table() == nullptr) {
      diagnostics_.error(tables->place(),
                         quote(key) + " must be tables such as [" + std::string(key) + ".name]");
      return;
    }
    for (const Member& member : *tables->table()) {
      check_name(member.key, member.key_place, "a " + std::string(key));
      function(member);
    }
  }

  template <class Function>
  void for_each_element(SectionReader& document, std::string_view key, Function&& function) {
    const Value* list = document.find(key);
    if (list == nullptr) {
      return;
    }
    if (list->array() == nullptr) {
      diagnostics_.error(list->place(), quote(key) + " must be written as [[" + std::string(key) +
                                            "]], once for each " + std::string(key));
      return;
    }
    std::ranges::for_each(*list->array(), function);
  }

  void parse_head(SectionReader& document) {
    const Value* head = document.find("entity");
    if (head == nullptr) {
      document.error_at("entity", "no [entity] table; add it with about, zh, level and expire");
      return;
    }
    SectionReader reader(*head, "[entity]", diagnostics_);
    entity_.place = head->place();
    entity_.about = read_text(reader, "about", true);
    entity_.level = "process";
    const std::vector<std::string> known(levels.begin(), levels.end());
    if (reader.require("level", entity_.level) &&
        std::ranges::find(known, entity_.level) == known.end()) {
      reader.report_unknown_word("level", entity_.level, known);
    }
    entity_.expire = 60s;
    reader.read("expire", entity_.expire, {1, 86'400});
    reader.read("shared", entity_.shared);
    reader.read("crossroads", entity_.crossroads);
    reader.finish();
  }

  Attribute parse_attribute(const Member& member, std::string_view what) {
    SectionReader reader(member.value, std::string(what) + " " + quote(member.key), diagnostics_);
    Attribute attribute{member.key, {}, member.key_place};
    reader.require("about", attribute.about.en);
    reader.read("zh", attribute.about.zh);
    reader.finish();
    return attribute;
  }

  void parse_table(const Member& member) {
    SectionReader reader(member.value, "table " + quote(member.key), diagnostics_);
    Table table;
    table.name = member.key;
    table.place = reader.place_of("from");
    const std::vector<std::string> sources = parse_sources(reader);
    reader.read("instance", table.instance);
    Choices where;
    Choices where_not;
    Pairs rename;
    reader.read_choices("where", where);
    reader.read_choices("where_not", where_not);
    reader.read_pairs("rename", rename);
    table.where = to_where(std::move(where));
    table.where_not = to_where(std::move(where_not));
    table.rename = {rename.begin(), rename.end()};
    table.about = read_text(reader, "about", false);
    reader.finish();
    for (const std::string& source : sources) {
      table.from = source;
      entity_.tables.push_back(table);
    }
  }

  /// One record table, or several with the same columns.
  static std::vector<std::string> parse_sources(SectionReader& reader) {
    std::vector<std::string> sources(1);
    const Value* from = reader.find("from");
    if (from == nullptr || from->array() == nullptr) {
      reader.require("from", sources.front());
    } else {
      sources.clear();
      reader.read("from", sources);
      if (sources.empty()) {
        reader.error_at("from", "\"from\" names at least one record table");
      }
    }
    return sources;
  }

  void parse_metric(const Member& member) {
    SectionReader reader(member.value, "metric " + quote(member.key), diagnostics_);
    Metric metric;
    metric.name = member.key;
    metric.place = member.key_place;
    metric.field = member.key;
    reader.require("table", metric.table);
    reader.read("field", metric.field);
    std::string type;
    if (reader.require("type", type)) {
      reader.read_word("type", metric_type_words(), metric.type);
    }
    reader.require("unit", metric.unit);
    reader.read("scale", metric.scale);
    reader.read_word("combine", combine_words(), metric.combine);
    reader.read("per", metric.per);
    reader.read("trend", metric.trend);
    reader.read("until", metric.until);
    reader.read("kpi", metric.kpi);
    wire::Direction worse{};
    if (reader.read_word("worse", direction_words(), worse)) {
      metric.worse = worse;
    }
    metric.about = read_text(reader, "about", true);
    reader.finish();
    if (metric.scale == 0) {
      reader.error_at("scale", "scale = 0 would make every value zero; remove it or correct it");
    }
    if (metric.type == MetricType::histogram && !metric.per.empty()) {
      reader.error_at("per", "a histogram cannot be divided; remove \"per\"");
    }
    if (metric.trend > Duration{0} && (metric.type != MetricType::gauge || !metric.per.empty())) {
      reader.error_at("trend", "only a gauge without \"per\" has a trend");
    }
    if (!metric.until.empty() && metric.trend == Duration{0}) {
      reader.error_at("until", "\"until\" needs a \"trend\" to look ahead from");
    }
    entity_.metrics.push_back(std::move(metric));
  }

  void parse_check(const Value& section) {
    SectionReader reader(section, "this check", diagnostics_);
    Check check;
    check.place = reader.place();
    reader.require("id", check.id);
    reader.require("metric", check.metric);
    reader.read_word("statistic", statistic_words(), check.statistic);
    reader.read_word("kind", check_kind_words(), check.kind);
    read_check_values(reader, check);
    reader.read_word("direction", direction_words(), check.direction);
    reader.read("count_metric", check.count_metric);
    parse_companions(reader, check);
    reader.read("among", check.among);
    check.text = read_text(reader, "text", true);
    reader.finish();
    entity_.checks.push_back(std::move(check));
  }

  /// with = ["throughput", "processing.mean"]
  static void parse_companions(SectionReader& reader, Check& check) {
    std::vector<std::string> names;
    reader.read("with", names);
    for (const std::string& name : names) {
      const auto dot = name.find('.');
      Companion companion{name.substr(0, dot)};
      if (dot != std::string::npos) {
        const auto statistic = parse_statistic(name.substr(dot + 1));
        if (!statistic) {
          reader.error_at("with", quote(name) +
                                      " ends in no statistic; write \"metric\" for a plain number "
                                      "and \"metric.mean\" or another statistic for a histogram");
          continue;
        }
        companion.statistic = *statistic;
      }
      check.with.push_back(std::move(companion));
    }
  }

  void parse_relation(const Value& section) {
    SectionReader reader(section, "this relation", diagnostics_);
    Relation relation;
    relation.place = reader.place();
    reader.require("kind", relation.kind);
    reader.require("to", relation.to);
    Pairs match;
    Pairs match_present;
    Choices where;
    Choices their_where;
    reader.read_pairs("match", match);
    reader.read_pairs("match_present", match_present);
    reader.read_choices("where", where);
    reader.read_choices("to_where", their_where);
    relation.match = {match.begin(), match.end()};
    relation.match_present = {match_present.begin(), match_present.end()};
    relation.where = to_where(std::move(where));
    relation.to_where = to_where(std::move(their_where));
    reader.read("absent", relation.absent);
    reader.read("across_hosts", relation.across_hosts);
    reader.read("indirect", relation.indirect);
    reader.read("alone", relation.alone);
    relation.via = read_hops(reader, "via");
    reader.finish();
    entity_.relations.push_back(std::move(relation));
  }

  void parse_remedy(const Value& section) {
    SectionReader reader(section, "this remedy", diagnostics_);
    Remedy remedy;
    remedy.place = reader.place();
    reader.require("id", remedy.id);
    reader.read("mends", remedy.mends);
    reader.read("target", remedy.target);
    reader.require("propose", remedy.propose);
    reader.read("most", remedy.most, {0, 1e15});
    remedy.text = read_text(reader, "text", true);
    reader.finish();
    entity_.remedies.push_back(std::move(remedy));
  }

  void parse_samples(SectionReader& document) {
    const Value* section = document.find("samples");
    if (section == nullptr) {
      return;
    }
    SectionReader reader(*section, "[samples]", diagnostics_);
    Samples samples;
    samples.place = reader.place_of("from");
    reader.require("from", samples.from);
    Choices where;
    Pairs rename;
    reader.read_choices("where", where);
    reader.read_pairs("rename", rename);
    samples.where = to_where(std::move(where));
    samples.rename = {rename.begin(), rename.end()};
    reader.read("failed", samples.failed);
    reader.read("slow", samples.slow);
    reader.finish();
    entity_.samples = std::move(samples);
  }

  Entity entity_;
  Diagnostics& diagnostics_;
};

}  // namespace

void read_check_values(SectionReader& reader, Check& check) {
  reader.read("above", check.above);
  reader.read("below", check.below);
  reader.read("clear", check.clear);
  reader.read("for", check.hold, {0, 86'400});
  reader.read("clear_for", check.clear_after, {0, 86'400});
  reader.read("baseline", check.baseline, {1, 86'400});
  reader.read("warmup", check.warmup, {0, 86'400});
  reader.read("factor", check.factor, {0.1, 1000});
  reader.read("least_change", check.least_change, {0, 1e6});
  reader.read("least_count", check.least_count, {0, 1e12});
  reader.read_word("severity", severity_words(), check.severity);
}

std::optional<Entity> parse_entity(const SourceText& source, Diagnostics& diagnostics) {
  const std::optional<Value> document = parse_toml(source, diagnostics);
  if (!document) {
    return std::nullopt;
  }
  const std::string name = std::filesystem::path(source.file).stem().string();
  return EntityParser(name, diagnostics).parse(*document);
}

}  // namespace gala
