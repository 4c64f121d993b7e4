// profile-source: samples call stacks of all processes and says where they spend CPU time and where
// they touch memory.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "runtime/bpf/probe.h"
#include "runtime/core/batch.h"
#include "runtime/core/stage.h"
#include "stages/profile-source/profile.h"
#include "stages/profile-source/symbolizer.h"

namespace gala::profile_source {

/// Samples are kept in the kernel; once a window they are named and sent.
class ProfileSource {
 public:
  static StageDescription describe();

  struct Config {
    Duration window = std::chrono::seconds(5);
    std::int64_t frequency_hz = 49;
    std::int64_t fault_every = 256;
    std::int64_t least_samples = 5;
    std::int64_t functions = 5;
    std::string root = "/";
    static constexpr auto fields() {
      return std::tuple{
          Field{"window", &Config::window, "Time between two profiles of a process.", 1, 3600},
          Field{"frequency_hz", &Config::frequency_hz,
                "How often each CPU is looked at, per second.", 1, 999},
          Field{"fault_every", &Config::fault_every,
                "One page fault in so many is looked at, for where memory is touched; 0 = none.", 0,
                1000000},
          Field{"least_samples", &Config::least_samples,
                "Processes with fewer samples in a window are left out.", 1, 1000000},
          Field{"functions", &Config::functions,
                "Functions of each process whose CPU use is sent as records, the hottest first.", 0,
                100},
          Field{"root", &Config::root, "Stands before /proc: the root directory of the host."}};
    }
  };

  ProfileSource(const Config& config, const StageContext& context);

  static RecordSchemas records(const std::string& share_directory);
  Result<> start(Instant now);
  void tick(Instant now, Outbox& out);
  void report(SelfReport& report) const;

 private:
  /// By process and kind.
  using Profiles = std::map<std::pair<std::uint32_t, std::uint64_t>, Profile>;

  void send_window(Instant now, Outbox& out);
  Profiles collect(Batch& rows, const std::string& stacks);
  std::vector<std::string> name_stack(std::uint32_t tgid, std::uint64_t user, std::uint64_t kernel,
                                      const std::string& stacks);
  void send_profiles(const Profiles& profiles, Instant now, Outbox& out);
  void send_functions(const Profiles& profiles, Instant now, Outbox& out);

  Config config_;
  std::string machine_id_;
  std::string share_directory_;
  std::optional<bpf::Probe> probe_;
  Symbolizer symbolizer_;
  BootTime window_started_;
  /// The kernel side's number of the window, whose parity says which maps are in use.
  std::uint64_t window_ = 1;
  /// Functions told of lately, with the windows that they are told of as 0 from now on.
  std::map<std::pair<std::uint32_t, std::string>, int> told_;
  std::uint64_t lost_ = 0;
  std::uint64_t new_lost_ = 0;
  std::size_t last_profiles_ = 0;
  std::vector<std::string> complaints_;
  std::string fault_;
};

}  // namespace gala::profile_source
