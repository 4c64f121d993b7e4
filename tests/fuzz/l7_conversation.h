// Any bytes, in any pieces, with any gaps: a parser stays within its limits.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "stages/l7-source/protocols.h"

namespace gala::l7_source {

/// The input is a row of pieces: a byte of direction and kind, two of size, then the bytes. Aborts
/// where a limit of protocol.h is broken.
inline int fuzz_conversation(std::string_view protocol, Bytes input) {
  constexpr std::size_t head = 3;
  const Protocol* found = find_protocol(protocol);
  if (found == nullptr) {
    std::abort();
  }
  const Bytes opening = input.size() > head ? input.subspan(head) : Bytes{};
  static_cast<void>(found->recognise({opening, {}, 1, true}));
  static_cast<void>(found->recognise({{}, opening, 1, false}));
  const auto conversation = found->begin();
  std::vector<Exchange> ended;
  BootTime now;
  while (input.size() > head && !conversation->lost() && !conversation->finished()) {
    const Direction direction = input[0] % 2 == 0 ? Direction::request : Direction::reply;
    const bool gap = input[0] % 16 >= 14;
    const std::size_t size = input[1] + 256U * (input[2] % 16);
    input = input.subspan(head);
    const Bytes bytes = input.first(std::min(size, input.size()));
    now = now + std::chrono::milliseconds{1};
    if (gap && size > 0) {
      conversation->gap(direction, now, size, ended);
    } else if (!gap && !bytes.empty()) {
      conversation->take(direction, now, bytes, ended);
      input = input.subspan(bytes.size());
    }
    for (const Exchange& exchange : ended) {
      if (exchange.api.size() > longest_api || exchange.code.size() > longest_code ||
          exchange.trace_id.size() > 32 || exchange.ended < exchange.begun) {
        std::abort();
      }
    }
    ended.clear();
    if (conversation->pending() > most_pending) {
      std::abort();
    }
  }
  conversation->close(now, ended);
  return 0;
}

}  // namespace gala::l7_source
