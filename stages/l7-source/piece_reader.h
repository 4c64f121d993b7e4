// Reads what the probe told: where each member is, says the object itself.
#pragma once

#include <cstddef>
#include <optional>

#include "runtime/bpf/decoder.h"
#include "runtime/core/result.h"
#include "stages/l7-source/piece.h"

namespace gala::l7_source {

class PieceReader {
 public:
  PieceReader() = default;
  /// An error when `struct l7_piece` lacks a member, or has one of another size.
  static Result<PieceReader> make(const bpf::Layout& layout);

  /// The piece, whose bytes lie in `record`; nothing when the record contradicts itself.
  [[nodiscard]] std::optional<Piece> read(bpf::Bytes record) const;

 private:
  struct Offsets {
    std::size_t id = 0, at_ns = 0, seq = 0, size = 0, other_seq = 0, tgid = 0, weight = 0;
    std::size_t server_port = 0, copied = 0, direction = 0, closed = 0, role = 0, from_start = 0,
                verdict = 0, datagram = 0;
    std::size_t client_ip = 0, server_ip = 0;
  };
  Offsets at_;
  std::size_t head_size_ = 0;
};

}  // namespace gala::l7_source
