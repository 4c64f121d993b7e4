// The rows that leave: a server's port and protocol, each of its apis, and samples of its
// exchanges.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/core/batch.h"
#include "runtime/core/record_schema.h"
#include "stages/l7-source/piece.h"
#include "stages/l7-source/routes.h"
#include "stages/l7-source/totals.h"

namespace gala::l7_source {

/// What a row is about. `protocol` is a name of a Protocol, which outlives it.
struct ServerKey {
  std::uint32_t tgid = 0;
  Role role = Role::server;
  Address server_ip{};
  std::uint16_t server_port = 0;
  std::string_view protocol;

  friend auto operator<=>(const ServerKey&, const ServerKey&) = default;
};

/// All rows. Their number is bounded: what has no room is counted.
class Servers {
 public:
  struct Limits {
    std::size_t servers = 1024;
    /// Of one server; the rest is `~other`.
    std::size_t apis = 64;
    /// Names on one level of a path before they count as values.
    std::size_t names = 40;
    /// Of one server and window: so many failed ones, and as many of the others. The slowest count.
    std::size_t samples = 5;
    /// Windows without a change after which a row goes.
    int idle_windows = 12;
  };

  explicit Servers(const Limits& limits) : limits_(limits) {}

  void add(const ServerKey& key, const Exchange& exchange, const Piece& piece);
  void add_unanswered(const ServerKey& key, std::uint64_t requests);
  void add_overflowed(const ServerKey& key, std::uint64_t requests);

  static constexpr std::string_view requests_table = "l7.requests";
  static constexpr std::string_view apis_table = "l7.apis";
  static constexpr std::string_view samples_table = "l7.samples";
  static RecordSchemas schemas();

  /// The rows of the window, which ends with that: maxima and samples begin anew, idle rows go.
  struct Rows {
    Batch requests;
    Batch apis;
    Batch samples;
  };
  Rows end_window();

  [[nodiscard]] std::size_t size() const { return servers_.size(); }
  /// Exchanges that found no room for their row.
  [[nodiscard]] std::uint64_t refused() const { return refused_; }

 private:
  struct Sample {
    Exchange exchange;
    std::string api;
    Address client_ip{};
  };
  struct Row {
    Totals totals;
    /// Requests and what is no request, at the end of the last window with a change.
    std::uint64_t counted = 0;
    int idle = 0;
  };
  struct Server {
    explicit Server(std::size_t names) : routes(names) {}
    Row row;
    Routes routes;
    std::map<std::string, Row, std::less<>> apis;
    std::vector<Sample> failed;
    std::vector<Sample> slow;
  };

  Server* find(const ServerKey& key);
  void add_api(Server& server, const std::string& group, const Exchange& exchange,
               std::uint64_t weight) const;
  void keep_sample(Server& server, Sample sample) const;
  static void age(Row& row);
  [[nodiscard]] bool is_idle(const Row& row) const { return row.idle >= limits_.idle_windows; }

  Limits limits_;
  std::map<ServerKey, Server> servers_;
  std::uint64_t refused_ = 0;
};

}  // namespace gala::l7_source
