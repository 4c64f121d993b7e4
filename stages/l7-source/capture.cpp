// The kernel's side.
#include "stages/l7-source/capture.h"

#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <limits>
#include <numeric>
#include <span>
#include <utility>

namespace gala::l7_source {
namespace {

constexpr const char* ring = "pieces";
constexpr const char* record = "l7_piece";
constexpr long interval_ns = 100'000'000;
/// A look at all open files takes at most one part of so many of the time.
constexpr int looks_share = 500;
constexpr auto least_between_looks = std::chrono::milliseconds(900);

Result<FileDescriptor> start_timer() {
  FileDescriptor timer(::timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC));
  itimerspec every{};
  every.it_value.tv_nsec = interval_ns;
  every.it_interval.tv_nsec = interval_ns;
  if (!timer || ::timerfd_settime(timer.value(), 0, &every, nullptr) != 0) {
    return fail(std::string("cannot start a timer: ") + std::strerror(errno));
  }
  return timer;
}

std::uint64_t sum_of(Batch& batch, std::string_view name) {
  const Column* column = batch.find(name);
  return column == nullptr
             ? 0
             : std::accumulate(column->integers.begin(), column->integers.end(), std::uint64_t{0});
}

}  // namespace

Result<Capture> Capture::open(const CaptureOptions& options) {
  bpf::ProbeOptions chosen;
  chosen.tunables = {{"exchanges_per_period", options.exchanges_per_period},
                     {"clients_too", options.clients ? 1 : 0},
                     {"tls", options.tls ? 1 : 0}};
  bpf::Probe probe = TRY(bpf::Probe::open(options.share_directory + "/bpf/l7.bpf.o",
                                          options.share_directory + "/bpf/l7.toml", chosen));
  auto sink = std::make_unique<Sink>();
  Sink* const target = sink.get();
  const bpf::Layout layout = TRY(probe.follow(ring, record, [target](bpf::Bytes bytes) {
    const auto piece = target->reader.read(bytes);
    if (piece && target->take != nullptr) {
      (*target->take)(*piece);
    } else {
      ++target->unreadable;
    }
  }));
  target->reader = TRY(PieceReader::make(layout));
  FileDescriptor timer = TRY(start_timer());
  Result<TlsAttacher> tls = fail("`tls` is off");
  if (options.tls) {
    tls = TlsAttacher::start(probe, options.drop_privileges);
  }
  return Capture(std::move(probe), std::move(sink), std::move(timer), std::move(tls));
}

void Capture::clear_timer() const {
  std::uint64_t expirations = 0;
  const auto size = ::read(timer_.value(), &expirations, sizeof(expirations));
  static_cast<void>(size);  // nothing to read: somebody was faster
}

Result<> Capture::drain(const std::function<void(const Piece&)>& take) {
  sink_->take = &take;
  const auto consumed = probe_.consume();
  sink_->take = nullptr;
  return consumed ? Result<>{} : Result<>{tl::unexpected(consumed.error())};
}

Result<> Capture::decide(std::uint64_t connection, Verdict verdict) {
  const auto value = static_cast<std::uint8_t>(verdict);
  return probe_.put("verdicts", std::as_bytes(std::span(&connection, 1)),
                    std::as_bytes(std::span(&value, 1)));
}

Result<> Capture::publish() {
  generation_ += generation_ == std::numeric_limits<std::uint32_t>::max() ? 2 : 1;
  return probe_.set_tunable("verdict_generation", generation_);
}

Result<> Capture::look_for_datagram_servers() {
  using std::chrono::steady_clock;
  const auto begun = steady_clock::now();
  if (begun < next_look_) {
    return {};
  }
  Batch servers = TRY(probe_.read("datagram_servers"));
  TRY(probe_.demand(sum_of(servers, "wanted") > 0));
  const auto took = steady_clock::now() - begun;
  next_look_ = begun + std::max<steady_clock::duration>(least_between_looks, took * looks_share);
  return {};
}

Result<Capture::LeftOut> Capture::left_out() {
  Batch processes = TRY(probe_.read("processes"));
  return LeftOut{sum_of(processes, "exchanges"), sum_of(processes, "told"),
                 sum_of(processes, "left_out")};
}

Result<Capture::TlsTexts> Capture::tls_texts() {
  Batch processes = TRY(probe_.read("tls_processes"));
  const Column* const pids = processes.find("tgid");
  const Column* const unbound = processes.find("unbound");
  if (tls_ && pids != nullptr && unbound != nullptr) {
    std::set<std::uint32_t> taking;
    for (std::size_t row = 0; row < processes.rows(); ++row) {
      if (unbound->integers[row] > 0) {
        taking.insert(static_cast<std::uint32_t>(pids->integers[row]));
      }
    }
    tls_->watch_taking(taking);
  }
  return TlsTexts{sum_of(processes, "texts"), sum_of(processes, "unbound"),
                  sum_of(processes, "tangled")};
}

Result<TlsState> Capture::tls_state(BootTime now) {
  return tls_ ? tls_->state(now) : tl::unexpected(tls_.error());
}

}  // namespace gala::l7_source
