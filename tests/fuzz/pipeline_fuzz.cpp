// Pipeline files that nobody would write: parse, check, order, endpoints and findings must survive
// them.
#include <cstdlib>

#include "runtime/core/graph.h"
#include "tests/fuzz/toml_text.h"

namespace {

using gala::wire::MessageType;

constexpr std::array<std::string_view, 9> headers{"[pipeline]", "[stages.a]",   "[stages.b]",
                                                  "[stages.c]", "[stages.Bad]", "[override.x]",
                                                  "[hosts.h]",  "[[stages.l]]", "[stages.a.from]"};
constexpr std::array<std::string_view, 22> words{
    "name", "period", "run",    "from",    "delivery", "queue", "on", "count",
    "by",   "stage",  "port",   "metrics", "source",   "join",  "a",  "b",
    "c",    "a.out",  "b.none", "block",   "1s",       "stages"};

gala::StageCatalog catalog() {
  gala::StageCatalog all;
  all["source"] = {"source", "", {}, {{"out", {MessageType::records}, ""}}, ""};
  all["join"] = {"join",
                 "",
                 {MessageType::records, MessageType::event},
                 {{"out", {MessageType::event}, ""}},
                 ""};
  return all;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  gala::fuzz::Bytes bytes({data, size});
  const gala::SourceText source{"p.toml", gala::fuzz::document(bytes, headers, words)};
  gala::Diagnostics diagnostics;
  auto pipeline = gala::parse_pipeline(source, diagnostics);
  if (pipeline) {
    gala::check_pipeline(*pipeline, catalog(), diagnostics);
    gala::check_endpoints(*pipeline, "/run/gala/p", diagnostics);
    const auto order = gala::topological_order(*pipeline);
    // A pipeline without findings has an order of all its stages.
    if (!diagnostics.has_errors() && order.size() != pipeline->stages.size()) {
      std::abort();
    }
  }
  static_cast<void>(diagnostics.render(std::span(&source, 1)));
  return 0;
}
