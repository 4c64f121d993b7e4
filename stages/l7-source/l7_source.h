// l7-source: understands what servers are asked and what they answer, protocol by protocol.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "runtime/core/stage.h"
#include "stages/l7-source/capture.h"
#include "stages/l7-source/traffic.h"

namespace gala::l7_source {

/// The stage joins the two halves: the probe tells pieces of connections, `Traffic` makes rows of
/// them and says which connections are worth more pieces.
class L7Source {
 public:
  static StageDescription describe();

  struct Config {
    std::vector<std::string> protocols;
    std::int64_t exchanges_per_second = 1000;
    std::int64_t connections = 20'000;
    std::int64_t apis = 64;
    std::int64_t names = 40;
    std::int64_t samples = 5;
    bool clients = false;
    bool tls = true;
    bool drop_privileges = true;
    static constexpr auto fields() {
      return std::tuple{
          Field{"protocols", &Config::protocols,
                "Only these protocols are understood. Empty = all."},
          Field{
              "exchanges_per_second", &Config::exchanges_per_second,
              "Requests of one process, port and CPU that are read; at higher rates one stands for "
              "several.",
              10, 1000000},
          Field{"connections", &Config::connections,
                "Connections that are followed at one time; the rest is counted as refused.", 1,
                1000000},
          Field{"apis", &Config::apis,
                "Rows of apis of one server; what has no room becomes ~other.", 1, 10000},
          Field{"names", &Config::names,
                "Names at one level of a path; a level with more holds values and becomes {id}.", 2,
                1000},
          Field{"samples", &Config::samples,
                "Failed exchanges of one server, and as many slow ones, that are sent in a period.",
                0, 100},
          Field{"clients", &Config::clients,
                "Read the calls of processes to other servers, too: doubles the cost."},
          Field{"tls", &Config::tls,
                "Read connections in TLS, by probes at the libraries of the processes."},
          Field{"drop_privileges", &Config::drop_privileges,
                "Give up all capabilities but CAP_BPF once the probe is attached."}};
    }
  };

  L7Source(const Config& config, const StageContext& context);

  /// Reports words that are no protocols.
  static void check(const Config& config, const StageContext& context, const Value& section,
                    Diagnostics& diagnostics);
  static RecordSchemas records(const std::string& share_directory);
  Result<> start(Instant now);
  std::vector<int> descriptors();
  void on_readable(Instant now, Outbox& out);
  void tick(Instant now, Outbox& out);
  void drain(Instant now, Outbox& out) { tick(now, out); }
  void report(SelfReport& report) const;

 private:
  void read_pieces();
  void take_losses(BootTime now);
  void take_tls(BootTime now);
  void send(std::string_view table, const Batch& batch, Instant now, Outbox& out);

  Config config_;
  std::string machine_id_;
  std::string share_directory_;
  Duration period_;
  std::vector<Protocol> protocols_;
  Traffic traffic_;
  std::optional<Capture> capture_;
  BootTime window_started_;
  Capture::LeftOut left_out_;
  Capture::TlsTexts tls_texts_;
  TlsState tls_state_;
  std::map<std::string, std::uint64_t> lost_;
  /// Pieces and exchanges of this window that no row has.
  std::uint64_t unsent_lost_ = 0;
  std::vector<std::string> complaints_;
  std::string fault_;
  std::string tls_fault_;
};

}  // namespace gala::l7_source
