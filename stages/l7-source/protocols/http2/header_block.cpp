// Header blocks of one direction.
#include "stages/l7-source/protocols/http2/header_block.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

namespace gala::l7_source::http2 {
namespace {

/// Bytes of names and values that one block may become: a kilobyte can be made to mean a megabyte.
constexpr std::size_t most_decoded = 65'536;
/// Largest table that is kept, whatever an end allows; the decoder refuses larger ones.
constexpr std::uint32_t most_table = 65'536;
constexpr std::size_t longest_value = 512;

std::string_view text_of(const std::uint8_t* text, std::size_t size) {
  return {reinterpret_cast<const char*>(text), size};
}

void keep(std::string_view name, std::string_view value, Headers& headers) {
  const std::array<std::pair<std::string_view, std::string*>, 6> wanted{
      {{":method", &headers.method},
       {":path", &headers.path},
       {":status", &headers.status},
       {"content-type", &headers.content_type},
       {"grpc-status", &headers.grpc_status},
       {"traceparent", &headers.traceparent}}};
  for (const auto& [known, member] : wanted) {
    if (name == known) {
      *member = std::string(value.substr(0, longest_value));
    }
  }
}

}  // namespace

HeaderBlocks::HeaderBlocks() {
  nghttp2_hd_inflater* inflater = nullptr;
  if (nghttp2_hd_inflate_new(&inflater) == 0) {
    inflater_.reset(inflater);
  }
}

void HeaderBlocks::allow_table(std::uint32_t size) {
  size = std::min(size, most_table);
  if (size > table_ && inflater_ != nullptr &&
      nghttp2_hd_inflate_change_table_size(inflater_.get(), size) == 0) {
    table_ = size;
  }
}

void HeaderBlocks::forget() {
  nghttp2_hd_inflater* inflater = nullptr;
  if (nghttp2_hd_inflate_new(&inflater) != 0) {
    inflater_.reset();
    return;
  }
  inflater_.reset(inflater);
  nghttp2_hd_inflate_change_table_size(inflater, table_);
  // "Table size update" to all that is allowed (RFC 7541, 6.3), then entries that mean nothing.
  std::vector<std::uint8_t> block{0x3f};
  std::uint32_t rest = table_ - 31;
  for (; rest >= 0x80; rest >>= 7U) {
    block.push_back(static_cast<std::uint8_t>(rest | 0x80U));
  }
  block.push_back(static_cast<std::uint8_t>(rest));
  constexpr std::uint32_t entry_size = 33;
  for (std::uint32_t size = 0; size + entry_size <= table_; size += entry_size) {
    block.insert(block.end(), {0x40, 1, '~', 0});
  }
  Headers nothing;
  if (!read(block, nothing)) {
    inflater_.reset();
  }
}

bool HeaderBlocks::read(Bytes block, Headers& headers) {
  std::size_t decoded = 0;
  while (inflater_ != nullptr) {
    nghttp2_nv header{};
    int flags = 0;
    const auto used =
        nghttp2_hd_inflate_hd2(inflater_.get(), &header, &flags, block.data(), block.size(), 1);
    if (used < 0 || static_cast<std::size_t>(used) > block.size()) {
      return false;
    }
    block = block.subspan(static_cast<std::size_t>(used));
    if ((flags & NGHTTP2_HD_INFLATE_EMIT) != 0) {
      decoded += header.namelen + header.valuelen;
      if (decoded > most_decoded) {
        return false;
      }
      keep(text_of(header.name, header.namelen), text_of(header.value, header.valuelen), headers);
    }
    if ((flags & NGHTTP2_HD_INFLATE_FINAL) != 0) {
      nghttp2_hd_inflate_end_headers(inflater_.get());
      return true;
    }
    if ((flags & NGHTTP2_HD_INFLATE_EMIT) == 0 && block.empty()) {
      return true;
    }
  }
  return false;
}

}  // namespace gala::l7_source::http2
