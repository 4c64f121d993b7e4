// Elements and their sizes.
#include "stages/l7-source/protocols/mongodb/bson.h"

#include <algorithm>
#include <bit>
#include <optional>

namespace gala::l7_source {

namespace {

/// Of an element's value; nothing = there is no such type, or its length is cut.
std::optional<std::uint64_t> value_size(std::uint8_t type, Bytes rest) {
  Fields in(rest);
  switch (type) {
    case 0x01:
    case 0x09:
    case 0x11:
    case 0x12:
      return 8;
    case 0x02:
    case 0x0d:
    case 0x0e: {
      const std::uint64_t length = in.le32();
      return in.ok() ? std::optional(length + 4) : std::nullopt;
    }
    case 0x03:
    case 0x04:
    case 0x0f: {
      const std::uint64_t length = in.le32();
      return in.ok() && length >= 5 ? std::optional(length) : std::nullopt;
    }
    case 0x05: {
      const std::uint64_t length = in.le32();
      return in.ok() ? std::optional(length + 5) : std::nullopt;
    }
    case 0x06:
    case 0x0a:
    case 0x7f:
    case 0xff:
      return 0;
    case 0x07:
      return 12;
    case 0x08:
      return 1;
    case 0x0b: {
      in.zero_ended();
      in.zero_ended();
      return in.ok() ? std::optional<std::uint64_t>(rest.size() - in.rest().size()) : std::nullopt;
    }
    case 0x0c: {
      const std::uint64_t length = in.le32();
      return in.ok() ? std::optional(length + 16) : std::nullopt;
    }
    case 0x10:
      return 4;
    case 0x13:
      return 16;
    default:
      return std::nullopt;
  }
}

}  // namespace

std::int64_t BsonElement::number() const {
  Fields in(value);
  switch (type) {
    case real: {
      const double held = std::bit_cast<double>(in.le64());
      // Codes and truth values are small.
      return held > -1e9 && held < 1e9 ? static_cast<std::int64_t>(held) : 0;
    }
    case boolean:
      return in.u8();
    case int32:
      return static_cast<std::int32_t>(in.le32());
    case int64:
      return static_cast<std::int64_t>(in.le64());
    default:
      return 0;
  }
}

std::string_view BsonElement::as_text() const {
  Fields in(value);
  const std::uint32_t length = in.le32();
  const Bytes held = in.rest();
  return type == text && in.ok() && length > 0 && held.size() == length
             ? text_of(held.first(length - 1))
             : std::string_view();
}

BsonReader::BsonReader(Bytes bytes) : in_(bytes) {
  declared_ = in_.le32();
  const std::uint64_t behind = declared_ >= 5 ? declared_ - 4 : 0;
  in_ = Fields(in_.rest().first(
      static_cast<std::size_t>(std::min<std::uint64_t>(behind, in_.rest().size()))));
}

bool BsonReader::next(BsonElement& element) {
  element.type = in_.u8();
  if (!in_.ok() || element.type == 0) {
    return false;
  }
  element.name = in_.zero_ended();
  if (!in_.ok()) {
    return false;
  }
  const auto size = value_size(element.type, in_.rest());
  if (!size) {
    return false;
  }
  element.value = in_.take_up_to(*size);
  return true;
}

}  // namespace gala::l7_source
