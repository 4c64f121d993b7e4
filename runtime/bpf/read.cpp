// Pulls raw bytes out of the kernel: iterators and hash maps.
#include "runtime/bpf/read.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "runtime/bpf/libbpf.h"

namespace gala::bpf {
namespace {

constexpr std::size_t iterator_chunk_bytes = 65536;
constexpr std::uint32_t first_batch_entries = 128;

/// Hands every entry of a hash map to a decoder.
class MapReader {
 public:
  MapReader(int map, const MapDecoder& shape, std::size_t values_per_entry)
      : map_(map),
        key_size_(shape.key_size()),
        values_size_(shape.value_stride() * values_per_entry) {}

  Result<> read(MapDecoder& decoder) {
    const int error = read_batched(decoder);
    if (error == EINVAL || error == EOPNOTSUPP || error == 524 /* the kernel's ENOTSUPP */) {
      return read_singly(decoder);
    }
    if (error != 0) {
      return tl::unexpected(system_error("cannot read a map", error));
    }
    return {};
  }

 private:
  void add(MapDecoder& decoder, std::size_t index) const {
    decoder.add(Bytes{keys_}.subspan(index * key_size_, key_size_),
                Bytes{values_}.subspan(index * values_size_, values_size_));
  }

  /// Gives errno, 0 when all was read.
  int read_batched(MapDecoder& decoder) {
    std::uint32_t room = first_batch_entries;
    std::vector<std::byte> position(std::max<std::size_t>(key_size_, sizeof(std::uint32_t)));
    std::vector<std::byte> next(position.size());
    bool first = true;
    while (true) {
      keys_.resize(room * key_size_);
      values_.resize(room * values_size_);
      std::uint32_t count = room;
      const int error = -bpf_map_lookup_batch(map_, first ? nullptr : position.data(), next.data(),
                                              keys_.data(), values_.data(), &count, nullptr);
      if (error == ENOSPC) {
        room *= 2;  // one bucket holds more
        continue;
      }
      if (error != 0 && error != ENOENT) {
        return error;
      }
      for (std::uint32_t i = 0; i < count; ++i) {
        add(decoder, i);
      }
      if (error == ENOENT) {
        return 0;
      }
      position.swap(next);
      first = false;
    }
  }

  Result<> read_singly(MapDecoder& decoder) {
    keys_.resize(2 * key_size_);
    values_.resize(values_size_);
    void* current = nullptr;
    std::byte* next = keys_.data() + key_size_;
    while (bpf_map_get_next_key(map_, current, next) == 0) {
      std::memcpy(keys_.data(), next, key_size_);
      if (bpf_map_lookup_elem(map_, keys_.data(), values_.data()) == 0) {
        add(decoder, 0);
      }
      current = keys_.data();
    }
    return {};
  }

  int map_;
  std::size_t key_size_;
  std::size_t values_size_;
  std::vector<std::byte> keys_;
  std::vector<std::byte> values_;
};

}  // namespace

Result<std::vector<std::byte>> run_iterator(const bpf_link& link) {
  const FileDescriptor iterator{bpf_iter_create(bpf_link__fd(&link))};
  if (!iterator) {
    return tl::unexpected(system_error("cannot start an iterator", errno));
  }
  std::vector<std::byte> bytes;
  while (true) {
    const std::size_t used = bytes.size();
    bytes.resize(used + iterator_chunk_bytes);
    const ssize_t got = ::read(iterator.value(), bytes.data() + used, iterator_chunk_bytes);
    bytes.resize(used + static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
    if (got < 0 && errno != EAGAIN && errno != EINTR) {
      return tl::unexpected(system_error("cannot read an iterator", errno));
    }
    if (got == 0) {
      return bytes;
    }
  }
}

Result<> read_entries(int map, std::size_t values_per_entry, MapDecoder& decoder) {
  return MapReader(map, decoder, values_per_entry).read(decoder);
}

}  // namespace gala::bpf
