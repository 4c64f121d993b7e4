// Owning C handles: a unique_ptr whose deleter is a C function.
#pragma once

#include <unistd.h>

#include <memory>
#include <utility>

namespace gala {

template <auto Release>
struct Releaser {
  void operator()(auto* handle) const noexcept { Release(handle); }
};

/// Owns a `T*` from a C library; calls `Release` once.
template <class T, auto Release>
using Handle = std::unique_ptr<T, Releaser<Release>>;

/// Owns a file descriptor; closes it once. −1 = none.
class FileDescriptor {
 public:
  FileDescriptor() = default;
  explicit FileDescriptor(int descriptor) : descriptor_(descriptor) {}
  FileDescriptor(FileDescriptor&& other) noexcept
      : descriptor_(std::exchange(other.descriptor_, -1)) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    return *this;
  }
  FileDescriptor(const FileDescriptor&) = delete;
  FileDescriptor& operator=(const FileDescriptor&) = delete;
  ~FileDescriptor() {
    if (descriptor_ >= 0) {
      ::close(descriptor_);
    }
  }

  /// Borrowed; valid while this lives.
  [[nodiscard]] int value() const { return descriptor_; }
  /// Gives the descriptor up: somebody else closes it now.
  void release() { descriptor_ = -1; }
  explicit operator bool() const { return descriptor_ >= 0; }

 private:
  int descriptor_ = -1;
};

}  // namespace gala
