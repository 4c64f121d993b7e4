// Reads what the probe told.
#include "stages/l7-source/piece_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <string_view>

namespace gala::l7_source {
namespace {

template <class Value>
Value load(bpf::Bytes record, std::size_t offset) {
  Value value;
  std::memcpy(&value, record.data() + offset, sizeof(value));
  return value;
}

}  // namespace

Result<PieceReader> PieceReader::make(const bpf::Layout& layout) {
  PieceReader reader;
  Offsets& at = reader.at_;
  struct Member {
    std::string_view name;
    std::size_t size;
    std::size_t* offset;
  };
  for (const Member& member :
       {Member{"id", 8, &at.id}, Member{"at_ns", 8, &at.at_ns}, Member{"seq", 4, &at.seq},
        Member{"size", 4, &at.size}, Member{"other_seq", 4, &at.other_seq},
        Member{"tgid", 4, &at.tgid}, Member{"weight", 4, &at.weight},
        Member{"server_port", 2, &at.server_port}, Member{"copied", 2, &at.copied},
        Member{"direction", 1, &at.direction}, Member{"closed", 1, &at.closed},
        Member{"role", 1, &at.role}, Member{"from_start", 1, &at.from_start},
        Member{"verdict", 1, &at.verdict}, Member{"datagram", 1, &at.datagram},
        Member{"client_ip", 16, &at.client_ip}, Member{"server_ip", 16, &at.server_ip}}) {
    const auto found = std::ranges::find(layout.fields, member.name, &bpf::Field::name);
    if (found == layout.fields.end() || found->size != member.size) {
      return fail(fmt::format(
          "struct l7_piece of the probe l7 has no member {} of {} bytes: program and probe are of "
          "different versions; install both anew",
          member.name, member.size));
    }
    *member.offset = found->offset;
  }
  reader.head_size_ = layout.size;
  return reader;
}

std::optional<Piece> PieceReader::read(bpf::Bytes record) const {
  if (head_size_ == 0 || record.size() < head_size_) {
    return std::nullopt;
  }
  Piece piece;
  piece.connection = load<std::uint64_t>(record, at_.id);
  piece.at = BootTime::from_ns(load<std::uint64_t>(record, at_.at_ns));
  piece.closed = load<std::uint8_t>(record, at_.closed) != 0;
  piece.role = load<std::uint8_t>(record, at_.role) == 2 ? Role::client : Role::server;
  if (piece.closed) {
    return piece;
  }
  piece.direction =
      load<std::uint8_t>(record, at_.direction) == 0 ? Direction::request : Direction::reply;
  piece.from_start = load<std::uint8_t>(record, at_.from_start) != 0;
  piece.datagram = load<std::uint8_t>(record, at_.datagram) != 0;
  piece.verdict = static_cast<Verdict>(load<std::uint8_t>(record, at_.verdict) % 4);
  piece.tgid = load<std::uint32_t>(record, at_.tgid);
  piece.server_port = load<std::uint16_t>(record, at_.server_port);
  piece.client_ip = load<Address>(record, at_.client_ip);
  piece.server_ip = load<Address>(record, at_.server_ip);
  piece.weight = std::max(load<std::uint32_t>(record, at_.weight), 1U);
  piece.seq = load<std::uint32_t>(record, at_.seq);
  piece.other_seq = load<std::uint32_t>(record, at_.other_seq);
  piece.size = load<std::uint32_t>(record, at_.size);
  const std::size_t copied = load<std::uint16_t>(record, at_.copied);
  if (copied > record.size() - head_size_ || copied > piece.size) {
    return std::nullopt;
  }
  const bpf::Bytes bytes = record.subspan(head_size_, copied);
  piece.bytes = {reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()};
  return piece;
}

}  // namespace gala::l7_source
