// Any bytes as a recording, and what it yields as messages: an answer or a count, never a crash.
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>

#include "runtime/core/recording.h"
#include "runtime/core/wire.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  gala::FileDescriptor file(::memfd_create("recording", MFD_CLOEXEC));
  const auto magic = gala::recording_magic;
  if (::write(file.value(), magic.data(), magic.size()) < 0 ||
      ::write(file.value(), data, size) < 0) {
    return 0;
  }
  auto reader = gala::RecordingReader::from(std::move(file), "fuzz");
  if (!reader) {
    std::abort();  // The magic is there.
  }
  std::uint64_t messages = 0;
  while (const auto message = reader->next()) {
    ++messages;
    static_cast<void>(gala::open_frame(message->topic, message->header, message->payload));
  }
  if (messages != reader->counts().messages) {
    std::abort();
  }
  return 0;
}
