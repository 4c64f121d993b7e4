// A pipeline file: grammar, then the graph's own rules, then socket paths.
#include "runtime/core/graph.h"

#include <algorithm>
#include <array>
#include <chrono>

#include "runtime/core/section.h"

namespace gala {
namespace {

using namespace std::chrono_literals;

/// Names travel in the header's 32 bytes with their terminating zero.
constexpr std::size_t longest_name = 31;
/// sizeof(sockaddr_un::sun_path) without the terminating zero.
constexpr std::size_t longest_socket_path = 107;
/// Each is a process of this host.
constexpr std::size_t most_stages = 256;
constexpr std::string_view name_rule =
    "a name starts with a lower-case letter, goes on with lower-case letters, digits and '-', and "
    "has at most 31 characters";

constexpr std::array<Word<Delivery>, 3> deliveries{
    {{"drop", Delivery::drop}, {"block", Delivery::block}, {"durable", Delivery::durable}}};

bool is_name(std::string_view text) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  };
  return !text.empty() && text.size() <= longest_name && text.front() >= 'a' &&
         text.front() <= 'z' && std::ranges::all_of(text, allowed);
}

/// What an edge inherits from its consumer's section.
struct EdgeDefaults {
  Delivery delivery = Delivery::drop;
  std::int64_t queue = 1000;
};

class Parser {
 public:
  explicit Parser(Diagnostics& diagnostics) : diagnostics_(diagnostics) {}

  Pipeline parse(const Value& document) {
    Pipeline pipeline;
    SectionReader reader(document, "the pipeline file", diagnostics_);
    parse_head(reader, pipeline);
    if (const Value* stages = reader.find("stages")) {
      parse_stages(*stages, pipeline);
    }
    if (pipeline.stages.empty()) {
      reader.error_at("stages", "no stages; add a table such as [stages.kernel] with run = \"…\"");
    }
    if (const Value* override_table = reader.find("override")) {
      pipeline.override_table = *override_table;
    }
    if (const Value* hosts = reader.find("hosts")) {
      report_hosts(hosts->place());
    }
    reader.finish();
    return pipeline;
  }

 private:
  void parse_head(SectionReader& document, Pipeline& pipeline) {
    pipeline.period = 5s;
    const Value* head = document.find("pipeline");
    if (head == nullptr) {
      document.error_at("pipeline", "no [pipeline] table; add it with name = \"…\"");
      return;
    }
    SectionReader reader(*head, "[pipeline]", diagnostics_);
    if (reader.require("name", pipeline.name) && !is_name(pipeline.name)) {
      reader.error_at("name",
                      quote(pipeline.name) + " cannot name a pipeline: " + std::string(name_rule));
    }
    reader.read("period", pipeline.period, {0.1, 3600});
    reader.finish();
  }

  void parse_stages(const Value& stages, Pipeline& pipeline) {
    const Value::Table* table = stages.table();
    if (table == nullptr) {
      diagnostics_.error(stages.place(), "\"stages\" must be tables such as [stages.kernel]");
      return;
    }
    if (table->size() > most_stages) {
      diagnostics_.error(stages.place(), "more than 256 stages; each is a process of this host");
      return;
    }
    for (const Member& member : *table) {
      if (!is_name(member.key)) {
        diagnostics_.error(member.key_place,
                           quote(member.key) + " cannot name a stage: " + std::string(name_rule));
      }
      pipeline.stages.push_back(parse_stage(member));
    }
  }

  StageNode parse_stage(const Member& member) {
    StageNode node;
    node.name = member.key;
    node.place = member.key_place;
    node.section = member.value;
    SectionReader reader(member.value, "stage " + quote(member.key), diagnostics_);
    reader.require("run", node.run);
    node.run_place = reader.place_of("run");
    const EdgeDefaults defaults = parse_defaults(reader, {});
    for (const std::string_view key : {"on", "count", "by"}) {
      if (const Value* value = reader.find(key)) {
        report_hosts(value->place());
      }
    }
    if (const Value* from = reader.find("from")) {
      parse_from(*from, node, defaults);
    }
    // No reader.finish(): the other keys are the stage's own, which only its program knows.
    return node;
  }

  EdgeDefaults parse_defaults(SectionReader& reader, EdgeDefaults defaults) {
    const bool given = reader.read_word("delivery", std::span<const Word<Delivery>>(deliveries),
                                        defaults.delivery);
    if (given && defaults.delivery == Delivery::durable) {
      reader.error_at("delivery",
                      "delivery = \"durable\" is not available in this release; use \"block\"");
    }
    reader.read("queue", defaults.queue, {1, 1'000'000});
    return defaults;
  }

  void parse_from(const Value& from, StageNode& node, EdgeDefaults defaults) {
    const Value::Array* list = from.array();
    if (list == nullptr) {
      diagnostics_.error(from.place(), "\"from\" wants a list of stages, such as [\"kernel\"]");
      return;
    }
    for (const Value& one : *list) {
      Edge edge;
      edge.to = node.name;
      edge.place = one.place();
      edge.delivery = defaults.delivery;
      edge.queue = defaults.queue;
      if (parse_edge(one, edge)) {
        node.from.push_back(std::move(edge));
      }
    }
  }

  bool parse_edge(const Value& value, Edge& edge) {
    if (const std::string* text = value.string()) {
      const auto dot = text->find('.');
      edge.from = text->substr(0, dot);
      edge.port = dot == std::string::npos ? std::string{} : text->substr(dot + 1);
      if (edge.from.empty() || (dot != std::string::npos && edge.port.empty())) {
        diagnostics_.error(value.place(),
                           quote(*text) + " names no stage; write \"stage\" or \"stage.port\"");
        return false;
      }
      return true;
    }
    if (value.table() == nullptr) {
      diagnostics_.error(
          value.place(),
          "\"from\" wants \"stage\", \"stage.port\" or { stage = \"…\", port = \"…\", "
          "delivery = \"…\", queue = 1000 }");
      return false;
    }
    SectionReader reader(value, "this edge", diagnostics_);
    const bool named = reader.require("stage", edge.from);
    reader.read("port", edge.port);
    const EdgeDefaults own = parse_defaults(reader, {edge.delivery, edge.queue});
    edge.delivery = own.delivery;
    edge.queue = own.queue;
    reader.finish();
    return named;
  }

  void report_hosts(const Place& place) {
    diagnostics_.error(place, "spreading a pipeline over hosts is not available in this release");
  }

  Diagnostics& diagnostics_;
};

}  // namespace

std::optional<Delivery> parse_delivery(std::string_view word) {
  const auto found = std::ranges::find(deliveries, word, &Word<Delivery>::word);
  return found == deliveries.end() ? std::nullopt : std::optional(found->meaning);
}

std::string_view to_string(Delivery delivery) {
  return std::ranges::find(deliveries, delivery, &Word<Delivery>::meaning)->word;
}

std::span<const std::string_view> detail::reserved_keys() {
  // on, count and by are refused by parse_pipeline; listed here they are not reported twice.
  static constexpr std::array<std::string_view, 8> keys{"run", "from",  "delivery", "queue",
                                                        "on",  "count", "by",       "metrics"};
  return keys;
}

const StageNode* Pipeline::find(std::string_view stage) const {
  const auto found = std::ranges::find(stages, stage, &StageNode::name);
  return found == stages.end() ? nullptr : &*found;
}

std::vector<const Edge*> Pipeline::edges_from(std::string_view stage) const {
  std::vector<const Edge*> edges;
  for (const StageNode& node : stages) {
    for (const Edge& edge : node.from) {
      if (edge.from == stage) {
        edges.push_back(&edge);
      }
    }
  }
  return edges;
}

std::optional<Pipeline> parse_pipeline(const SourceText& source, Diagnostics& diagnostics) {
  const std::optional<Value> document = parse_toml(source, diagnostics);
  if (!document) {
    return std::nullopt;
  }
  return Parser(diagnostics).parse(*document);
}

std::string edge_endpoint(std::string_view run_directory, const Edge& edge) {
  return "ipc://" + std::string(run_directory) + "/" + edge.to + "." + edge.from + "." + edge.port;
}

std::string tap_endpoint(std::string_view run_directory, std::string_view stage,
                         std::string_view port) {
  return "ipc://" + std::string(run_directory) + "/" + std::string(stage) + "." +
         std::string(port) + ".tap";
}

std::string status_endpoint(std::string_view run_directory, std::string_view stage) {
  return "ipc://" + std::string(run_directory) + "/" + std::string(stage) + ".status";
}

void check_endpoints(const Pipeline& pipeline, std::string_view run_directory,
                     Diagnostics& diagnostics) {
  const auto check = [&](const std::string& endpoint, const Place& place) {
    const std::size_t length = endpoint.size() - std::string_view("ipc://").size();
    if (length > longest_socket_path) {
      diagnostics.error(place,
                        "its socket path would have " + std::to_string(length) +
                            " bytes, but the kernel allows 107; use shorter stage names or a "
                            "shorter --run-dir");
    }
  };
  for (const StageNode& node : pipeline.stages) {
    check(status_endpoint(run_directory, node.name), node.place);
    for (const Edge& edge : node.from) {
      check(edge_endpoint(run_directory, edge), edge.place);
      check(tap_endpoint(run_directory, edge.from, edge.port), edge.place);
    }
  }
}

}  // namespace gala
