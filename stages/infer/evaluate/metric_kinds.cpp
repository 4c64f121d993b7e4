// Reads the kinds of metrics and their rules.
#include "stages/infer/evaluate/metric_kinds.h"

#include <algorithm>
#include <cctype>

#include "runtime/core/section.h"

namespace gala::infer {
namespace {

std::vector<std::string> words_of(std::string_view name) {
  std::vector<std::string> words(1);
  for (const char c : name) {
    if (std::isalnum(static_cast<unsigned char>(c)) != 0) {
      words.back().push_back(static_cast<char>(std::tolower(static_cast<unsigned char>(c))));
    } else if (!words.back().empty()) {
      words.emplace_back();
    }
  }
  return words;
}

template <class Words>
bool has(const Words& words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

MetricKind read_kind(const Value& section, Diagnostics& diagnostics) {
  SectionReader reader(section, "this kind", diagnostics);
  MetricKind kind;
  reader.require("name", kind.name);
  reader.read("words", kind.words);
  reader.read("worse", kind.worse);
  reader.finish();
  return kind;
}

KindRule read_rule(const Value& section, Diagnostics& diagnostics) {
  SectionReader reader(section, "this rule", diagnostics);
  KindRule rule;
  reader.read("effect", rule.effects);
  const Value* of = reader.find("of");
  if (of == nullptr || of->string() == nullptr || *of->string() != "same") {
    reader.read("of", rule.of);
  }
  reader.require("path", rule.path);
  rule.direction = "worse";
  reader.read("direction", rule.direction);
  reader.read("prior", rule.prior, {0.01, 1});
  reader.read("covers", rule.covers, {0, 10});
  reader.read("proxies", rule.proxies);
  reader.read("least_share", rule.least_share, {0, 1000});
  reader.finish();
  return rule;
}

}  // namespace

MetricKinds MetricKinds::parse(const SourceText& source, Diagnostics& diagnostics) {
  MetricKinds kinds;
  const auto document = parse_toml(source, diagnostics);
  if (!document) {
    return kinds;
  }
  SectionReader reader(*document, "the metric kinds", diagnostics);
  const auto each = [&](std::string_view key, auto&& take) {
    const Value* list = reader.find(key);
    if (list != nullptr && list->array() != nullptr) {
      std::for_each(list->array()->begin(), list->array()->end(), take);
    }
  };
  each("kind", [&](const Value& one) { kinds.kinds_.push_back(read_kind(one, diagnostics)); });
  each("rule", [&](const Value& one) { kinds.rules_.push_back(read_rule(one, diagnostics)); });
  reader.finish();
  return kinds;
}

std::string_view MetricKinds::kind_of(std::string_view metric) const {
  const std::vector<std::string> words = words_of(metric);
  const auto found = std::find_if(kinds_.begin(), kinds_.end(), [&](const MetricKind& kind) {
    return std::any_of(words.begin(), words.end(),
                       [&](const std::string& word) { return has(kind.words, word); });
  });
  return found == kinds_.end() ? other : std::string_view(found->name);
}

std::string_view MetricKinds::worse(std::string_view kind) const {
  const auto found = std::find_if(kinds_.begin(), kinds_.end(),
                                  [&](const MetricKind& one) { return one.name == kind; });
  return found == kinds_.end() ? std::string_view{} : std::string_view(found->worse);
}

}  // namespace gala::infer
