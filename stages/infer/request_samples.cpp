// Rows of samples → the requests that a diagnosis shows.
#include "stages/infer/request_samples.h"

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "runtime/core/wire.h"

namespace gala::infer {
namespace {

constexpr std::size_t longest_text = 128;
/// What the source writes where the answer reports an error of the server's own.
constexpr std::string_view failed_word = "server";

/// The columns of a table of samples; what is absent reads as empty.
class SampleTable {
 public:
  explicit SampleTable(const wire::Records& message)
      : message_(message), table_(message.columns(), message.rows()) {}

  [[nodiscard]] std::uint32_t rows() const { return table_.rows(); }

  [[nodiscard]] std::string text(std::string_view column, std::size_t row) const {
    const ColumnView view = table_.find(column);
    return view.valid() && view.kind() == wire::ColumnKind::text
               ? std::string(view.text(row).substr(0, longest_text))
               : std::string();
  }
  [[nodiscard]] std::uint64_t integer(std::string_view column, std::size_t row) const {
    const ColumnView view = table_.find(column);
    return view.valid() && view.kind() == wire::ColumnKind::integer ? view.integer(row) : 0;
  }
  /// Nothing for a column that cannot be part of an id.
  [[nodiscard]] std::optional<std::string> word(std::string_view column, std::size_t row) const {
    const ColumnView view = table_.find(column);
    if (!view.valid() || view.kind() == wire::ColumnKind::histogram) {
      return std::nullopt;
    }
    return view.as_text(row);
  }

  /// The id of the row's entity of this type, "" where it has none.
  [[nodiscard]] std::string entity_of(const Entity& type, std::size_t row) const {
    for (const auto& [column, values] : type.samples->where) {
      const auto value = word(column, row);
      if (!value || std::ranges::find(values, *value) == values.end()) {
        return {};
      }
    }
    std::vector<std::string> keys;
    for (const Attribute& key : type.keys) {
      auto value = word(type.samples->column_of(key.name), row);
      if (!value) {
        return {};
      }
      keys.push_back(std::move(*value));
    }
    return entity_id(text_of(message_.machine_id()), type.name, keys);
  }

 private:
  const wire::Records& message_;
  TableView table_;
};

RequestSample read_sample(const SampleTable& table, std::size_t row) {
  RequestSample sample;
  sample.protocol = table.text("protocol", row);
  sample.api = table.text("api", row);
  sample.error = table.text("error", row);
  sample.code = table.text("code", row);
  sample.peer = table.text(table.text("role", row) == "client" ? "server_ip" : "client_ip", row);
  sample.trace_id = table.text("trace_id", row);
  sample.request_bytes = table.integer("request_bytes", row);
  sample.response_bytes = table.integer("response_bytes", row);
  const std::uint64_t lasted = table.integer("duration_ns", row);
  sample.lasted = Duration{static_cast<Duration::rep>(
      std::min(lasted, static_cast<std::uint64_t>(Clocks::furthest_ns)))};
  return sample;
}

bool lists(const std::vector<std::string>& names, std::string_view name) {
  return std::ranges::find(names, name) != names.end();
}

}  // namespace

RequestSamples::RequestSamples(const Model& model, std::size_t limit) : limit_(limit) {
  for (const Entity& entity : model.entities()) {
    if (entity.samples) {
      types_.push_back(&entity);
    }
  }
}

void RequestSamples::take(const wire::Records& message, Clocks& clocks) {
  const std::string_view from = text_of(message.table());
  const bool asked_for =
      std::ranges::any_of(types_, [&](const Entity* type) { return type->samples->from == from; });
  if (!asked_for) {
    return;
  }
  const SampleTable table(message);
  for (std::size_t row = 0; row < table.rows(); ++row) {
    RequestSample sample = read_sample(table, row);
    sample.began =
        clocks.moment(text_of(message.machine_id()), BootTime::from_ns(table.integer("at_ns", row)),
                      message.wall_offset_ns());
    for (const Entity* type : types_) {
      sample.entities.push_back(type->samples->from == from ? table.entity_of(*type, row) : "");
    }
    keep(std::move(sample));
  }
}

void RequestSamples::keep(RequestSample sample) {
  if (std::ranges::all_of(sample.entities, &std::string::empty)) {
    return;
  }
  samples_.push_back(std::move(sample));
  if (samples_.size() > limit_) {
    samples_.pop_front();
    ++displaced_;
  }
}

void RequestSamples::forget_before(Moment moment) {
  while (!samples_.empty() && samples_.front().ended() < moment) {
    samples_.pop_front();
  }
}

std::vector<const RequestSample*> RequestSamples::of(const NamedSeries& named, Moment since) const {
  const auto type = std::ranges::find(types_, named.entity, &Entity::name);
  if (type == types_.end()) {
    return {};
  }
  const bool failed = lists((*type)->samples->failed, named.metric);
  if (!failed && !lists((*type)->samples->slow, named.metric)) {
    return {};
  }
  const auto position = static_cast<std::size_t>(type - types_.begin());
  std::vector<const RequestSample*> found;
  for (const RequestSample& sample : samples_) {
    if (sample.entities[position] == named.entity_id && sample.ended() >= since &&
        (!failed || sample.error == failed_word)) {
      found.push_back(&sample);
    }
  }
  std::ranges::stable_sort(found, [failed](const RequestSample* a, const RequestSample* b) {
    return failed || a->lasted == b->lasted ? a->began > b->began : a->lasted > b->lasted;
  });
  return found;
}

std::vector<ShownSample> RequestSamples::show(std::span<const NamedSeries> named, Moment since,
                                              std::size_t most) const {
  std::vector<ShownSample> shown;
  std::set<const RequestSample*> taken;
  for (const NamedSeries& series : named) {
    for (const RequestSample* sample : of(series, since)) {
      if (shown.size() >= most) {
        return shown;
      }
      if (taken.insert(sample).second) {
        shown.push_back({series.entity_id, *sample});
      }
    }
  }
  return shown;
}

}  // namespace gala::infer
