// The rows that leave.
#include "stages/l7-source/servers.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>

#include "runtime/bpf/layout.h"

namespace gala::l7_source {
namespace {

using wire::ColumnKind;

/// IPv4 without its prefix, as every other source writes it.
std::string text_of(const Address& address) {
  constexpr std::array<std::uint8_t, 12> mapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  const bool ipv4 = std::equal(mapped.begin(), mapped.end(), address.begin());
  std::array<char, INET6_ADDRSTRLEN> text{};
  ::inet_ntop(ipv4 ? AF_INET : AF_INET6, address.data() + (ipv4 ? mapped.size() : 0), text.data(),
              text.size());
  return text.data();
}

std::string_view name_of(Role role) { return role == Role::server ? "server" : "client"; }

std::string_view name_of(ErrorClass error) {
  switch (error) {
    case ErrorClass::client:
      return "client";
    case ErrorClass::server:
      return "server";
    case ErrorClass::none:
      break;
  }
  return "none";
}

const std::vector<RecordColumn>& key_columns() {
  static const std::vector<RecordColumn> columns{{"tgid", ColumnKind::integer},
                                                 {"role", ColumnKind::text},
                                                 {"server_ip", ColumnKind::text},
                                                 {"server_port", ColumnKind::integer},
                                                 {"protocol", ColumnKind::text}};
  return columns;
}

constexpr std::array count_names{"requests",      "responses",  "errors",        "client_errors",
                                 "server_errors", "unanswered", "overflowed",    "parked",
                                 "one_way",       "measured",   "request_bytes", "response_bytes"};

std::array<std::uint64_t, count_names.size()> counts_of(const Totals& totals) {
  return {totals.requests(),    totals.responses,     totals.client_errors + totals.server_errors,
          totals.client_errors, totals.server_errors, totals.unanswered,
          totals.overflowed,    totals.parked,        totals.one_way,
          totals.measured,      totals.request_bytes, totals.reply_bytes};
}

std::vector<RecordColumn> columns_of(bool api) {
  std::vector<RecordColumn> columns = key_columns();
  if (api) {
    columns.push_back({"api", ColumnKind::text});
  }
  for (const char* name : count_names) {
    columns.push_back({name, ColumnKind::integer});
  }
  columns.push_back({"latency", ColumnKind::histogram});
  return columns;
}

std::vector<RecordColumn> sample_columns() {
  std::vector<RecordColumn> columns = key_columns();
  for (const auto& [name, kind] : {std::pair{"api", ColumnKind::text},
                                   {"error", ColumnKind::text},
                                   {"code", ColumnKind::text},
                                   {"at_ns", ColumnKind::integer},
                                   {"duration_ns", ColumnKind::integer},
                                   {"request_bytes", ColumnKind::integer},
                                   {"response_bytes", ColumnKind::integer},
                                   {"client_ip", ColumnKind::text},
                                   {"trace_id", ColumnKind::text}}) {
    columns.push_back({name, kind});
  }
  return columns;
}

/// Writes cell after cell, in the order of the columns.
class Writer {
 public:
  Writer(Batch& batch, const ServerKey& key) : batch_(batch) {
    add(std::uint64_t{key.tgid});
    add(name_of(key.role));
    add(std::string_view(text_of(key.server_ip)));
    add(std::uint64_t{key.server_port});
    add(key.protocol);
  }
  template <class Value>
  void add(const Value& value) {
    batch_.column(next_++).add(value);
  }

 private:
  Batch& batch_;
  std::size_t next_ = 0;
};

Batch empty_batch(const std::vector<RecordColumn>& columns, bool counts) {
  Batch batch;
  for (const RecordColumn& column : columns) {
    const bool key = std::ranges::count(key_columns(), column.name, &RecordColumn::name) > 0 ||
                     (counts && column.name == "api");
    Column& added = batch.column(batch.add_column(
        column.name, column.kind, key ? wire::ColumnRole::key : wire::ColumnRole::field));
    if (counts && !key) {
      added.behaviour = wire::Behaviour::counter;
    }
    if (column.kind == ColumnKind::histogram) {
      added.bounds = bpf::histogram_bounds();
    }
  }
  return batch;
}

std::uint64_t duration_ns(const Exchange& exchange) {
  return static_cast<std::uint64_t>(
      std::max<Duration::rep>((exchange.ended - exchange.begun).count(), 0));
}

/// The maximum belongs to the window, which ends here.
void write_totals(Writer& writer, Totals& totals) {
  for (const std::uint64_t count : counts_of(totals)) {
    writer.add(count);
  }
  writer.add(totals.latency);
  totals.latency.maximum = 0;
}

void write_sample(Writer& writer, const Exchange& exchange) {
  writer.add(name_of(exchange.error));
  writer.add(std::string_view(exchange.code));
  writer.add(exchange.begun.ns());
  writer.add(duration_ns(exchange));
  writer.add(exchange.request_bytes);
  writer.add(exchange.reply_bytes);
}

}  // namespace

RecordSchemas Servers::schemas() {
  RecordSchemas schemas;
  schemas[std::string(requests_table)].columns = columns_of(false);
  schemas[std::string(apis_table)].columns = columns_of(true);
  schemas[std::string(samples_table)].columns = sample_columns();
  return schemas;
}

Servers::Server* Servers::find(const ServerKey& key) {
  if (const auto found = servers_.find(key); found != servers_.end()) {
    return &found->second;
  }
  if (servers_.size() >= limits_.servers) {
    ++refused_;
    return nullptr;
  }
  return &servers_.try_emplace(key, limits_.names).first->second;
}

void Servers::add(const ServerKey& key, const Exchange& exchange, const Piece& piece) {
  Server* server = find(key);
  if (server == nullptr) {
    return;
  }
  server->row.totals.add(exchange, piece.weight);
  const std::string group = server->routes.group(exchange.api, !exchange.unproven);
  add_api(*server, group, exchange, piece.weight);
  if (!exchange.one_way && !exchange.parked) {
    keep_sample(*server, {exchange, group, piece.client_ip});
  }
}

void Servers::add_api(Server& server, const std::string& group, const Exchange& exchange,
                      std::uint64_t weight) const {
  auto found = server.apis.find(group);
  if (found == server.apis.end()) {
    const bool room = server.apis.size() + 1 < limits_.apis || group == Routes::other;
    found = server.apis.try_emplace(room ? group : std::string(Routes::other)).first;
  }
  found->second.totals.add(exchange, weight);
}

void Servers::keep_sample(Server& server, Sample sample) const {
  const auto before = [](const Sample& a, const Sample& b) {
    return duration_ns(a.exchange) > duration_ns(b.exchange);
  };
  // What clients ask in vain is no failure: it must not take the room of slow ones.
  auto& samples = sample.exchange.error == ErrorClass::server ? server.failed : server.slow;
  if (samples.size() >= limits_.samples && (samples.empty() || !before(sample, samples.back()))) {
    return;
  }
  samples.insert(std::ranges::upper_bound(samples, sample, before), std::move(sample));
  if (samples.size() > limits_.samples) {
    samples.pop_back();
  }
}

void Servers::add_unanswered(const ServerKey& key, std::uint64_t requests) {
  if (Server* server = find(key)) {
    server->row.totals.add_unanswered(requests);
  }
}

void Servers::add_overflowed(const ServerKey& key, std::uint64_t requests) {
  if (Server* server = find(key)) {
    server->row.totals.add_overflowed(requests);
  }
}

void Servers::age(Row& row) {
  const std::uint64_t all = row.totals.requests() + row.totals.one_way;
  row.idle = all == row.counted ? row.idle + 1 : 0;
  row.counted = all;
}

Servers::Rows Servers::end_window() {
  Rows rows{empty_batch(columns_of(false), true), empty_batch(columns_of(true), true),
            empty_batch(sample_columns(), false)};
  for (auto& [key, server] : servers_) {
    age(server.row);
    for (auto& [api, row] : server.apis) {
      age(row);
    }
    std::erase_if(server.apis, [this](const auto& entry) { return is_idle(entry.second); });
  }
  std::erase_if(servers_, [this](const auto& entry) { return is_idle(entry.second.row); });
  for (auto& [key, server] : servers_) {
    Writer writer(rows.requests, key);
    write_totals(writer, server.row.totals);
    for (auto& [api, row] : server.apis) {
      Writer api_writer(rows.apis, key);
      api_writer.add(std::string_view(api));
      write_totals(api_writer, row.totals);
    }
    for (auto* samples : {&server.failed, &server.slow}) {
      for (const Sample& sample : *samples) {
        Writer sample_writer(rows.samples, key);
        sample_writer.add(std::string_view(sample.api));
        write_sample(sample_writer, sample.exchange);
        sample_writer.add(std::string_view(text_of(sample.client_ip)));
        sample_writer.add(std::string_view(sample.exchange.trace_id));
      }
      samples->clear();
    }
    server.routes.end_window();
  }
  return rows;
}

}  // namespace gala::l7_source
