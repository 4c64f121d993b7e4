// Tests of parsers: a conversation told piece by piece, or read from a captured file.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "stages/l7-source/protocol.h"

namespace gala::l7_source::parser_testing {

inline constexpr std::size_t all = std::numeric_limits<std::size_t>::max();

inline Bytes bytes_of(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

/// One connection. Each piece comes a millisecond after the one before.
class Talk {
 public:
  explicit Talk(const Protocol& protocol) : conversation_(protocol.begin()) {}

  /// One read or write, of which the kernel copied the first `copied` bytes.
  Talk& request(std::string_view bytes, std::size_t copied = all) {
    return piece(Direction::request, bytes, copied);
  }
  Talk& reply(std::string_view bytes, std::size_t copied = all) {
    return piece(Direction::reply, bytes, copied);
  }
  /// Bytes that nobody captured.
  Talk& missing(Direction direction, std::uint64_t size) {
    conversation_->gap(direction, now_, size, exchanges_);
    return *this;
  }
  Talk& close() {
    conversation_->close(now_, exchanges_);
    return *this;
  }

  /// What has ended since this was asked last.
  std::vector<Exchange> ended() { return std::exchange(exchanges_, {}); }
  [[nodiscard]] const Conversation& conversation() const { return *conversation_; }
  [[nodiscard]] BootTime now() const { return now_; }

 private:
  Talk& piece(Direction direction, std::string_view bytes, std::size_t copied) {
    now_ = now_ + std::chrono::milliseconds{1};
    const std::size_t kept = std::min(copied, bytes.size());
    if (kept > 0) {
      conversation_->take(direction, now_, bytes_of(bytes.substr(0, kept)), exchanges_);
    }
    if (kept < bytes.size()) {
      conversation_->gap(direction, now_, bytes.size() - kept, exchanges_);
    }
    return *this;
  }

  std::unique_ptr<Conversation> conversation_;
  BootTime now_;
  std::vector<Exchange> exchanges_;
};

/// `\r`, `\n`, `\t`, `\\` and `\xHH`.
inline std::string unescaped(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\' || i + 1 == text.size()) {
      out += text[i];
      continue;
    }
    switch (text[++i]) {
      case 'r':
        out += '\r';
        break;
      case 'n':
        out += '\n';
        break;
      case 't':
        out += '\t';
        break;
      case 'x':
        out += static_cast<char>(std::stoi(std::string(text.substr(i + 1, 2)), nullptr, 16));
        i += 2;
        break;
      default:
        out += text[i];
    }
  }
  return out;
}

/// Replays protocols/<file>: a line is one read or write, "> " of the client or "< " of the server,
/// its bytes escaped; "#" begins a comment. capture.py writes such files.
inline std::vector<Exchange> replay(const Protocol& protocol, const std::string& file,
                                    std::size_t copied = all) {
  std::ifstream lines(std::string(GALA_SOURCE_DIR "/stages/l7-source/protocols/") + file);
  EXPECT_TRUE(lines.is_open()) << file;
  Talk talk(protocol);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("> ")) {
      talk.request(unescaped(std::string_view(line).substr(2)), copied);
    } else if (line.starts_with("< ")) {
      talk.reply(unescaped(std::string_view(line).substr(2)), copied);
    }
  }
  talk.close();
  EXPECT_FALSE(talk.conversation().lost()) << file;
  return talk.ended();
}

}  // namespace gala::l7_source::parser_testing
