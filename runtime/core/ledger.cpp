// Edge counts in mapped files.
#include "runtime/core/ledger.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <utility>

namespace gala {

void EdgeCounts::settle() {
  const std::uint64_t known =
      sent + dropped_full + dropped_stopping + dropped_error + dropped_killed;
  dropped_killed += offered - std::min(offered, known);
}

void EdgeCounts::receive(std::uint64_t producer_epoch_ns, std::uint64_t sequence,
                         std::uint64_t size_bytes) {
  if (producer_epoch_ns != epoch_ns) {
    // A new count of the producer's (its run directory is new): what came before cannot be
    // compared.
    epoch_ns = producer_epoch_ns;
    last_sequence = 0;
    received = 0;
    missing = 0;
  }
  bytes += size_bytes;
  if (sequence <= last_sequence) {
    ++repeated;
    return;
  }
  missing += sequence - last_sequence - 1;
  last_sequence = sequence;
  ++received;
}

Result<Ledger> Ledger::open(const std::string& path, std::uint64_t now_ns) {
  FileDescriptor file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0640));
  if (!file) {
    return fail(path + ": cannot be opened (" + std::strerror(errno) +
                "); the run directory must exist and be writable");
  }
  if (::flock(file.value(), LOCK_EX | LOCK_NB) != 0) {
    return fail(path +
                ": in use by another process; is this pipeline running already? Stop it, or give "
                "this one another --run-dir");
  }
  struct stat status{};
  constexpr off_t oldest_size{offsetof(EdgeCounts, dropped_error)};
  const bool fresh = ::fstat(file.value(), &status) != 0 || status.st_size < oldest_size ||
                     status.st_size > off_t{sizeof(EdgeCounts)};
  if (fresh && ::ftruncate(file.value(), 0) != 0) {
    return fail(path + ": cannot be sized (" + std::strerror(errno) + ")");
  }
  // A page that the disk has no room for would end the process when it is first written.
  if (const int error = ::posix_fallocate(file.value(), 0, off_t{sizeof(EdgeCounts)}); error != 0) {
    return fail(path + ": cannot be sized (" + std::strerror(error) + ")");
  }
  void* mapped =
      ::mmap(nullptr, sizeof(EdgeCounts), PROT_READ | PROT_WRITE, MAP_SHARED, file.value(), 0);
  if (mapped == MAP_FAILED) {
    return fail(path + ": cannot be mapped (" + std::strerror(errno) + ")");
  }
  auto* counts = static_cast<EdgeCounts*>(mapped);
  if (counts->epoch_ns == 0 || counts->epoch_ns > now_ns) {
    *counts = EdgeCounts{};
    counts->epoch_ns = now_ns;
  }
  return Ledger(std::move(file), counts);
}

Ledger::Ledger(Ledger&& other) noexcept
    : file_(std::move(other.file_)), counts_(std::exchange(other.counts_, nullptr)) {}

Ledger& Ledger::operator=(Ledger&& other) noexcept {
  std::swap(file_, other.file_);
  std::swap(counts_, other.counts_);
  return *this;
}

Ledger::~Ledger() {
  if (counts_ != nullptr) {
    ::munmap(counts_, sizeof(EdgeCounts));
  }
}

}  // namespace gala
