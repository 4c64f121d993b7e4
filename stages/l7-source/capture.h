// The kernel's side: loads the probe l7, empties its ring, passes verdicts on.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "runtime/bpf/probe.h"
#include "runtime/core/handle.h"
#include "runtime/core/result.h"
#include "stages/l7-source/piece.h"
#include "stages/l7-source/piece_reader.h"
#include "stages/l7-source/tls_attacher.h"

namespace gala::l7_source {

struct CaptureOptions {
  std::string share_directory;
  /// Exchanges of a process and port in a period that are told.
  std::int64_t exchanges_per_period = 1000;
  bool clients = false;
  /// Read connections in TLS by probes at the libraries.
  bool tls = true;
  bool drop_privileges = true;
};

/// Not thread-safe. Everything is detached when it goes.
class Capture {
 public:
  static Result<Capture> open(const CaptureOptions& options);

  /// Readable ten times a second: the ring wakes nobody.
  [[nodiscard]] int timer() const { return timer_.value(); }
  void clear_timer() const;

  /// Hands over every piece that the ring holds.
  Result<> drain(const std::function<void(const Piece&)>& take);
  /// A verdict holds from the connection's next exchange on, once `publish` was called.
  Result<> decide(std::uint64_t connection, Verdict verdict);
  Result<> publish();

  /// Looks for servers that speak by UDP, and sees to it that datagrams are told only while there
  /// are some. Looks seldom where a look takes long.
  Result<> look_for_datagram_servers();

  /// The budget's period ends.
  Result<> end_window() { return probe_.advance_window(); }
  /// Exchanges of processes that are idle no longer count.
  struct LeftOut {
    std::uint64_t exchanges = 0;
    std::uint64_t told = 0;
    std::uint64_t left_out = 0;
  };
  Result<LeftOut> left_out();

  /// Clear text of TLS, counted as LeftOut is.
  struct TlsTexts {
    std::uint64_t texts = 0;
    /// Of sessions whose connection is not known.
    std::uint64_t unbound = 0;
    /// Uses of a second socket by a session.
    std::uint64_t tangled = 0;
  };
  /// Where there are such sessions, their processes are watched more closely from then on.
  Result<TlsTexts> tls_texts();
  /// What became of the libraries; an error when nobody looks for them any more.
  Result<TlsState> tls_state(BootTime now);
  [[nodiscard]] Result<std::map<std::string, std::uint64_t>> lost() const { return probe_.lost(); }
  [[nodiscard]] const std::vector<bpf::Attachment>& attachments() const {
    return probe_.attachments();
  }
  [[nodiscard]] std::vector<bpf::ProgramCost> costs() const { return probe_.costs(); }
  [[nodiscard]] std::uint64_t map_bytes() const { return probe_.map_bytes(); }
  /// Records that were no pieces.
  [[nodiscard]] std::uint64_t unreadable() const { return sink_->unreadable; }

 private:
  /// What the ring's callback writes to; its place does not change.
  struct Sink {
    PieceReader reader;
    const std::function<void(const Piece&)>* take = nullptr;
    std::uint64_t unreadable = 0;
  };
  Capture(bpf::Probe probe, std::unique_ptr<Sink> sink, FileDescriptor timer,
          Result<TlsAttacher> tls)
      : probe_(std::move(probe)),
        sink_(std::move(sink)),
        timer_(std::move(timer)),
        tls_(std::move(tls)) {}

  bpf::Probe probe_;
  std::unique_ptr<Sink> sink_;
  FileDescriptor timer_;
  Result<TlsAttacher> tls_;
  std::uint32_t generation_ = 1;
  std::chrono::steady_clock::time_point next_look_;
};

}  // namespace gala::l7_source
