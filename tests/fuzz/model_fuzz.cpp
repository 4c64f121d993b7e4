// Model files, overrides and record schemas that nobody would write must be refused, never crash.
#include "runtime/model/model.h"
#include "tests/fuzz/toml_text.h"

namespace {

constexpr std::array<std::string_view, 15> headers{
    "[entity]",   "[key.a]",      "[key.b]",    "[label.c]",  "[table.t]",
    "[table.u]",  "[metric.m]",   "[metric.n]", "[[check]]",  "[[relation]]",
    "[[hazard]]", "[[exposure]]", "[key]",      "[[metric]]", "[a.check.x]"};
constexpr std::array<std::string_view, 64> words{"about",
                                                 "zh",
                                                 "level",
                                                 "expire",
                                                 "from",
                                                 "instance",
                                                 "where",
                                                 "where_not",
                                                 "rename",
                                                 "table",
                                                 "field",
                                                 "type",
                                                 "unit",
                                                 "scale",
                                                 "combine",
                                                 "per",
                                                 "kpi",
                                                 "worse",
                                                 "id",
                                                 "metric",
                                                 "statistic",
                                                 "kind",
                                                 "above",
                                                 "below",
                                                 "clear",
                                                 "for",
                                                 "clear_for",
                                                 "severity",
                                                 "baseline",
                                                 "warmup",
                                                 "factor",
                                                 "least_change",
                                                 "direction",
                                                 "least_count",
                                                 "count_metric",
                                                 "text",
                                                 "to",
                                                 "match",
                                                 "to_where",
                                                 "absent",
                                                 "across_hosts",
                                                 "indirect",
                                                 "effect",
                                                 "of",
                                                 "path",
                                                 "within",
                                                 "prior",
                                                 "keyword",
                                                 "a",
                                                 "b",
                                                 "c",
                                                 "t",
                                                 "m",
                                                 "n",
                                                 "a.m",
                                                 ">is_peer",
                                                 "<is_peer:b",
                                                 "is_peer",
                                                 "histogram",
                                                 "gauge",
                                                 "deviation",
                                                 "1s",
                                                 "p95",
                                                 "{a}{cause.m}"};

gala::RecordSchemas schemas() {
  return {
      {"t.u", {{{"a", gala::wire::ColumnKind::text}, {"m", gala::wire::ColumnKind::histogram}}}},
      {"a.m", {{{"b", gala::wire::ColumnKind::integer}, {"n", gala::wire::ColumnKind::number}}}}};
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  gala::fuzz::Bytes bytes({data, size});
  std::vector<gala::SourceText> sources;
  for (const std::string_view name : {"a.toml", "b.toml"}) {
    sources.push_back({std::string(name), gala::fuzz::document(bytes, headers, words)});
  }
  gala::Diagnostics diagnostics;
  gala::Model model = gala::Model::parse(sources, diagnostics);
  model.check_against(schemas(), diagnostics);
  const gala::SourceText site{"p.toml", gala::fuzz::document(bytes, headers, words)};
  if (const auto table = gala::parse_toml(site, diagnostics)) {
    model.apply_override(*table, diagnostics);
  }
  static_cast<void>(diagnostics.render(sources));
  return 0;
}
