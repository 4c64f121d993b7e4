// l7-source: pieces of connections in, rows of servers and their apis out.
#include "stages/l7-source/l7_source.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "runtime/bpf/capabilities.h"
#include "stages/l7-source/protocols.h"

namespace gala::l7_source {
namespace {

constexpr std::string_view records_port = "records";
constexpr std::string_view samples_port = "samples";

std::vector<Protocol> chosen(const std::vector<std::string>& names) {
  std::vector<Protocol> all;
  for (const Protocol& protocol : protocols()) {
    if (names.empty() || std::ranges::count(names, protocol.name) > 0) {
      all.push_back(protocol);
    }
  }
  return all;
}

Traffic::Limits limits_of(const L7Source::Config& config) {
  Traffic::Limits limits;
  limits.connections = static_cast<std::size_t>(config.connections);
  limits.servers.apis = static_cast<std::size_t>(config.apis);
  limits.servers.names = static_cast<std::size_t>(config.names);
  limits.servers.samples = static_cast<std::size_t>(config.samples);
  return limits;
}

std::uint64_t growth(std::uint64_t now, std::uint64_t before) {
  return now - std::min(now, before);
}

std::string names_of_protocols() {
  std::string names;
  for (const Protocol& protocol : protocols()) {
    names += names.empty() ? "" : ", ";
    names += protocol.name;
  }
  return names;
}

}  // namespace

StageDescription L7Source::describe() {
  return {
      .name = "l7-source",
      .about = "Understands requests and answers of servers: how many, how long, how many fail.",
      .inputs = {},
      .outputs = {{std::string(records_port),
                   {wire::MessageType::records},
                   "l7.requests: one row for each server port and protocol; l7.apis: one for "
                   "each kind of request."},
                  {std::string(samples_port),
                   {wire::MessageType::records},
                   "l7.samples: single requests that failed or were slow, for infer."}},
      .needs =
          "root, or CAP_BPF, CAP_PERFMON, CAP_NET_ADMIN and CAP_SYS_PTRACE to load, CAP_BPF "
          "afterwards (for TLS, a child keeps CAP_SYS_PTRACE and CAP_CHECKPOINT_RESTORE), and a "
          "kernel with BTF, 6.12 or newer; without them the stage runs and sends nothing"};
}

RecordSchemas L7Source::records(const std::string& /*share_directory*/) {
  return Servers::schemas();
}

void L7Source::check(const Config& config, const StageContext& /*context*/, const Value& section,
                     Diagnostics& diagnostics) {
  const Value* list = section.find("protocols");
  for (const std::string& name : config.protocols) {
    if (find_protocol(name) == nullptr) {
      diagnostics.error(
          list == nullptr ? section.place() : list->place(),
          fmt::format("\"{}\" is not a protocol; there are {}", name, names_of_protocols()));
    }
  }
}

L7Source::L7Source(const Config& config, const StageContext& context)
    : config_(config),
      machine_id_(context.machine_id),
      share_directory_(context.share_directory),
      period_(context.period),
      protocols_(chosen(config.protocols)),
      traffic_(protocols_, limits_of(config)) {}

Result<> L7Source::start(Instant now) {
  window_started_ = now.boot;
  const double seconds = std::chrono::duration<double>(period_).count();
  const auto budget = static_cast<std::int64_t>(
      std::ceil(static_cast<double>(config_.exchanges_per_second) * seconds));
  auto capture =
      Capture::open({.share_directory = share_directory_,
                     .exchanges_per_period = std::clamp<std::int64_t>(budget, 10, 1000000),
                     .clients = config_.clients,
                     .tls = config_.tls,
                     .drop_privileges = config_.drop_privileges});
  if (!capture) {
    complaints_.push_back(capture.error().what +
                          "; no protocol is understood; run gala doctor to see what is missing");
    return {};
  }
  for (const bpf::Attachment& hook : capture->attachments()) {
    if (!hook.lost.empty()) {
      complaints_.push_back(fmt::format("it cannot be seen when {}: {}", hook.hook, hook.lost));
    }
  }
  capture_.emplace(std::move(*capture));
  // From here on bytes are parsed that anybody may have sent.
  if (config_.drop_privileges) {
    if (const auto dropped = bpf::drop_capabilities(); !dropped) {
      complaints_.push_back(dropped.error().what + "; the stage keeps all its privileges");
    }
  }
  return {};
}

std::vector<int> L7Source::descriptors() {
  return capture_ ? std::vector<int>{capture_->timer()} : std::vector<int>{};
}

void L7Source::on_readable(Instant /*now*/, Outbox& /*out*/) {
  if (capture_) {
    capture_->clear_timer();
    read_pieces();
  }
}

void L7Source::read_pieces() {
  fault_.clear();
  const auto drained = capture_->drain([this](const Piece& piece) { traffic_.take(piece); });
  if (!drained) {
    fault_ = drained.error().what;
  }
  const std::vector<Traffic::Decision> decisions = traffic_.take_decisions();
  for (const Traffic::Decision& decision : decisions) {
    if (const auto done = capture_->decide(decision.connection, decision.verdict); !done) {
      fault_ = done.error().what;
    }
  }
  if (decisions.empty()) {
    return;
  }
  if (const auto published = capture_->publish(); !published) {
    fault_ = published.error().what;
  }
}

void L7Source::tick(Instant now, Outbox& out) {
  if (!capture_) {
    return;
  }
  read_pieces();
  if (const auto ended = capture_->end_window(); !ended) {
    fault_ = ended.error().what;
  }
  if (const auto looked = capture_->look_for_datagram_servers(); !looked) {
    fault_ = looked.error().what;
  }
  take_losses(now.boot);
  const Servers::Rows rows = traffic_.end_window(now.boot);
  send(Servers::requests_table, rows.requests, now, out);
  send(Servers::apis_table, rows.apis, now, out);
  if (rows.samples.rows() > 0) {
    send(Servers::samples_table, rows.samples, now, out);
  }
  window_started_ = now.boot;
}

void L7Source::take_losses(BootTime now) {
  if (const auto lost = capture_->lost()) {
    for (const auto& [reason, count] : *lost) {
      unsent_lost_ += growth(count, lost_[reason]);
    }
    lost_ = *lost;
  }
  if (const auto left_out = capture_->left_out()) {
    unsent_lost_ += growth(left_out->left_out, left_out_.left_out);
    left_out_ = *left_out;
  }
  if (config_.tls) {
    take_tls(now);
  }
}

void L7Source::take_tls(BootTime now) {
  if (const auto texts = capture_->tls_texts()) {
    unsent_lost_ += growth(texts->unbound, tls_texts_.unbound);
    tls_texts_ = *texts;
  }
  const auto state = capture_->tls_state(now);
  tls_fault_ = state ? "" : state.error().what;
  if (state) {
    tls_state_ = *state;
  }
}

void L7Source::send(std::string_view table, const Batch& batch, Instant now, Outbox& out) {
  const bool samples = table == Servers::samples_table;
  const BatchWindow window{.machine_id = machine_id_,
                           .start_ns = window_started_.ns(),
                           .end_ns = now.boot.ns(),
                           .wall_offset_ns = now.wall_offset_ns(),
                           .lost = std::exchange(unsent_lost_, 0)};
  out.send(samples ? samples_port : records_port, wire::MessageType::records, table,
           to_records(batch, table, window, !samples));
}

void L7Source::report(SelfReport& report) const {
  report.complaints = complaints_;
  if (!fault_.empty()) {
    report.complaints.push_back(fault_ + "; requests of this moment are missing");
  }
  if (!tls_fault_.empty()) {
    report.complaints.push_back("not all connections in TLS are read: " + tls_fault_);
  }
  const Traffic::Counts counts = traffic_.counts();
  const auto gauge = [&](std::string name, double value, std::string help) {
    report.gauges.push_back({std::move(name), value, std::move(help)});
  };
  gauge("connections", static_cast<double>(counts.connections), "Connections that are followed.");
  gauge("servers", static_cast<double>(counts.servers), "Rows of servers in the latest window.");
  gauge("pieces", static_cast<double>(counts.pieces), "Pieces that the probe told, since start.");
  gauge("understood", static_cast<double>(counts.understood),
        "Connections whose protocol was recognised, since start.");
  gauge("given_up", static_cast<double>(counts.given_up),
        "Connections that speak nothing known, or no longer, since start.");
  gauge("refused", static_cast<double>(counts.refused),
        "Pieces and exchanges for which a limit left no room, since start.");
  gauge("left_out", static_cast<double>(left_out_.left_out),
        "Exchanges beyond the budget that no other stands for, of processes that are active.");
  if (!capture_) {
    return;
  }
  gauge("unreadable", static_cast<double>(capture_->unreadable()),
        "Records of the probe that were no pieces, since start.");
  if (config_.tls) {
    gauge("tls_files", static_cast<double>(tls_state_.files),
          "Programs and libraries with TLS that have probes.");
    gauge("tls_points", static_cast<double>(tls_state_.points), "Probes at their functions.");
    gauge("tls_unreadable", static_cast<double>(tls_state_.unreadable),
          "Programs and libraries that could not be opened, since start.");
    gauge("tls_unparsable", static_cast<double>(tls_state_.unparsable),
          "Those that are no usual ELF files, since start.");
    gauge("tls_unattachable", static_cast<double>(tls_state_.unattachable),
          "Those whose functions the kernel refused, since start.");
    gauge("tls_no_room", static_cast<double>(tls_state_.no_room),
          "Those beyond the limits, since start.");
    gauge("tls_unbound", static_cast<double>(tls_texts_.unbound),
          "Reads and writes of servers' TLS sessions whose connection is not known, of processes "
          "that are active.");
    gauge("tls_tangled", static_cast<double>(tls_texts_.tangled),
          "Uses of a second socket by a TLS session, which are not read, of processes that are "
          "active.");
  }
  gauge("map_bytes", static_cast<double>(capture_->map_bytes()), "Memory of the probe's maps.");
  for (const auto& [reason, count] : lost_) {
    gauge("lost_" + reason, static_cast<double>(count),
          "Pieces and rows the kernel side could not keep, since start.");
  }
}

}  // namespace gala::l7_source
