// The live loop: signals, sockets, the stage's descriptors, ticks, status.
#include "runtime/core/loop.h"

#include <pthread.h>
#include <spdlog/spdlog.h>
#include <sys/signalfd.h>

#include <algorithm>
#include <csignal>
#include <optional>
#include <set>
#include <utility>

#include "runtime/core/exposition_server.h"
#include "runtime/core/self_status.h"
#include "runtime/core/stage_memory.h"

namespace gala::detail {
namespace {

using namespace std::chrono_literals;

constexpr Duration status_period = 1s;
constexpr Duration usage_period = 10s;
/// From the signal to the exit it takes two seconds at most: the stage handles what has arrived,
/// has one second for its drain, then edges may wait for room until drain_limit, then linger_limit.
constexpr Duration drain_receive_limit = 400ms;
constexpr Duration drain_limit = 1600ms;
/// A stage that is killed loses what it learned since then. A small memory is cheap to keep
/// current; it is written only when it has changed.
constexpr Duration memory_period = 300s;
constexpr Duration small_memory_period = 10s;
constexpr std::size_t small_memory_bytes = 65'536;
constexpr Duration linger_limit = 300ms;
/// Messages taken from one edge before the others and the ticks get their turn.
constexpr std::size_t receive_limit = 64;

/// SIGTERM and SIGINT as a descriptor. Blocked before any thread starts, so that ZeroMQ's threads
/// never see a signal (libzmq 4.3.4 loses commands on EINTR).
FileDescriptor block_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  return FileDescriptor(signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC));
}

class Loop {
 public:
  Loop(AnyStage& stage, const LoopOptions& options, Links links, FileDescriptor signals,
       std::optional<ExpositionServer> exposition)
      : stage_(stage),
        options_(options),
        links_(std::move(links)),
        signals_(std::move(signals)),
        exposition_(std::move(exposition)),
        started_(current_instant().boot),
        memory_path_(memory_path(options.context.state_directory, options.context.stage)) {}

  int run() {
    next_tick_ = tick_after(started_);
    remember();
    publish(current_instant());
    while (!stopping_ && !stage_.finished()) {
      step();
    }
    drain();
    return exit_code_;
  }

 private:
  [[nodiscard]] BootTime tick_after(BootTime now) const {
    const auto period = options_.context.period;
    const auto since = now.since_boot - options_.tick_offset;
    return BootTime{(since / period + 1) * period + options_.tick_offset};
  }

  void step() {
    const BootTime before = current_instant().boot;
    Duration patience = std::max(std::min(next_tick_, next_status_) - before, Duration{0});
    std::vector<int> descriptors = stage_.descriptors();
    const std::size_t of_stage = descriptors.size();
    descriptors.push_back(signals_.value());
    if (exposition_) {
      descriptors.push_back(exposition_->descriptor());
      patience = std::min(patience, exposition_->quiet_time());
    }
    const auto looked = links_.wait(descriptors, patience);
    if (!looked) {
      spdlog::critical("{}; the stage ends so that its supervisor starts it anew",
                       looked.error().what);
      exit_code_ = 1;
      stopping_ = true;
      return;
    }
    const Instant now = current_instant();
    const std::set<int> ready(looked->begin(), looked->end());
    take_signal();
    if (exposition_) {
      exposition_->answer(now.boot);
    }
    if (std::any_of(descriptors.begin(),
                    descriptors.begin() + static_cast<std::ptrdiff_t>(of_stage),
                    [&](int descriptor) { return ready.contains(descriptor); })) {
      stage_.on_readable(now, out_);
      flush(now);
    }
    receive(now, receive_limit);
    if (now.boot >= next_tick_) {
      next_tick_ = tick_after(now.boot);
      stage_.tick(now, out_);
      flush(now);
    }
    if (now.boot >= next_status_) {
      publish(now);
    }
    if (now.boot >= next_memory_) {
      keep_memory();
    }
  }

  /// What an earlier run of the stage has learned.
  void remember() {
    next_memory_ = started_ + small_memory_period;
    if (!stage_.remembers()) {
      return;
    }
    if (auto claim = claim_memory(memory_path_)) {
      memory_claim_ = std::move(*claim);
    } else {
      memory_complaint_ =
          "what this stage learns is not kept before it is started again: " + claim.error().what;
    }
    const auto bytes = read_memory(memory_path_);
    if (!bytes) {
      spdlog::warn("{}", bytes.error().what);
    } else if (!bytes->empty()) {
      if (const auto loaded = stage_.load(*bytes); !loaded) {
        spdlog::warn("{}: {}", memory_path_, loaded.error().what);
      }
    }
  }

  void keep_memory() {
    const BootTime now = current_instant().boot;
    next_memory_ = now + memory_period;
    // Whoever keeps the memory now, such as a training, would lose it to what this run has read.
    if (!stage_.remembers() || !memory_claim_) {
      return;
    }
    std::vector<std::uint8_t> memory = stage_.save();
    if (memory.size() <= small_memory_bytes) {
      next_memory_ = now + small_memory_period;
      if (memory == small_memory_) {
        return;
      }
    }
    if (const auto written = write_memory(memory_path_, memory); !written) {
      memory_complaint_ = written.error().what + "; what was learned since is lost at a restart";
      return;
    }
    memory_complaint_.clear();
    small_memory_ = memory.size() <= small_memory_bytes ? std::move(memory) : decltype(memory){};
  }

  std::size_t receive(Instant now, std::size_t limit) {
    return links_.receive(limit, [&](const Frame& frame) {
      stage_.handle(frame, out_);
      flush(now);
    });
  }

  void take_signal() {
    signalfd_siginfo info{};
    while (::read(signals_.value(), &info, sizeof(info)) > 0) {
      stopping_ = true;
      spdlog::info("stopping signal={}", info.ssi_signo);
    }
  }

  void flush(Instant now) {
    for (Outgoing& message : out_.items()) {
      links_.send(std::move(message), now, [this] { return keep_waiting(); });
    }
    out_.clear();
  }

  /// While an edge waits for its consumer, signals and the status still work.
  bool keep_waiting() {
    take_signal();
    const Instant now = current_instant();
    if (now.boot >= next_status_) {
      publish(now);
    }
    return stopping_ ? now.boot < drain_began(now.boot) + wait_limit_ : true;
  }

  BootTime drain_began(BootTime now) {
    if (drain_began_ == BootTime{}) {
      drain_began_ = now;
    }
    return drain_began_;
  }

  void publish(Instant now) {
    next_status_ = now.boot + status_period;
    if (now.boot >= next_usage_) {
      next_usage_ = now.boot + usage_period;
      usage_ = process_usage();
    }
    usage_.cpu_ns = process_cpu_ns();
    SelfReport report;
    stage_.report(report);
    if (!memory_complaint_.empty()) {
      report.complaints.push_back(memory_complaint_);
    }
    for (std::string& complaint : links_.complaints()) {
      report.complaints.push_back(std::move(complaint));
    }
    log_new_complaints(report.complaints);
    auto health = report.complaints.empty() ? wire::Health::ok : wire::Health::degraded;
    if (stopping_) {
      health = wire::Health::stopping;
    }
    auto message = to_status({options_.context, links_, options_.links, options_.description.name,
                              now, started_, health, std::move(report), usage_});
    if (exposition_) {
      exposition_->publish(to_prometheus(*flatbuffers::GetRoot<wire::StageStatus>(message.data())));
      exposition_->answer(now.boot);
    }
    links_.publish_status(std::move(message), now);
  }

  /// Each complaint is logged when it appears, not while it lasts.
  void log_new_complaints(const std::vector<std::string>& complaints) {
    std::set<std::string> current(complaints.begin(), complaints.end());
    for (const std::string& complaint : current) {
      if (!known_complaints_.contains(complaint)) {
        spdlog::warn("{}", complaint);
      }
    }
    known_complaints_ = std::move(current);
  }

  void drain() {
    stopping_ = true;
    // What is left then is counted as missing at the next start. One message of each edge at a
    // time, since each may cost the stage long.
    const BootTime received_until = drain_began(current_instant().boot) + drain_receive_limit;
    while (current_instant().boot < received_until && receive(current_instant(), 1) > 0) {
    }
    const Instant now = current_instant();
    stage_.drain(now, out_);
    wait_limit_ = drain_limit;
    flush(now);
    keep_memory();
    publish(now);
    links_.close(linger_limit);
    spdlog::info("stopped");
  }

  AnyStage& stage_;
  const LoopOptions& options_;
  Links links_;
  FileDescriptor signals_;
  std::optional<ExpositionServer> exposition_;
  Outbox out_;
  BootTime started_;
  BootTime next_tick_;
  BootTime next_status_;
  BootTime next_usage_;
  BootTime next_memory_;
  std::string memory_path_;
  /// Held while this runs: `gala train` then leaves the memory alone. Without it nothing is
  /// written.
  FileDescriptor memory_claim_;
  /// Why the memory is not kept, "" while it is.
  std::string memory_complaint_;
  /// What the file holds, when that is little.
  std::vector<std::uint8_t> small_memory_;
  BootTime drain_began_;
  /// How long after that edges still wait for room.
  Duration wait_limit_ = drain_receive_limit;
  ProcessUsage usage_;
  std::set<std::string> known_complaints_;
  bool stopping_ = false;
  int exit_code_ = 0;
};

}  // namespace

int run_loop(AnyStage& stage, const LoopOptions& options) {
  FileDescriptor signals = block_signals();
  // Before ZeroMQ starts its threads: what a stage gives up here (capabilities), they never had.
  if (const auto started = stage.start(current_instant()); !started) {
    spdlog::error("{}", started.error().what);
    return 1;
  }
  std::optional<ExpositionServer> exposition;
  if (!options.metrics_address.empty()) {
    auto server = ExpositionServer::listen(options.metrics_address);
    if (!server) {
      spdlog::error("{}", server.error().what);
      return 1;
    }
    exposition = std::move(*server);
  }
  auto links = Links::open(options.links);
  if (!links) {
    spdlog::error("{}", links.error().what);
    return 1;
  }
  spdlog::info("started run={} in={} out={}", options.description.name, options.links.in.size(),
               options.links.out.size());
  return Loop(stage, options, std::move(*links), std::move(signals), std::move(exposition)).run();
}

}  // namespace gala::detail
