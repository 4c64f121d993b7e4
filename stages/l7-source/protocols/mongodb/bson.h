// Documents as MongoDB sends them, read element by element.
#pragma once

#include <cstdint>
#include <string_view>

#include "stages/l7-source/protocols/framing/fields.h"

namespace gala::l7_source {

struct BsonElement {
  enum Type : std::uint8_t {
    real = 1,
    text = 2,
    document = 3,
    array = 4,
    boolean = 8,
    int32 = 16,
    int64 = 18
  };
  std::uint8_t type = 0;
  std::string_view name;
  /// Cut where the bytes end; a document with its length in front.
  Bytes value;

  /// Of a number or truth value; 0 of others.
  [[nodiscard]] std::int64_t number() const;
  /// Of a text, without its end; "" of others, or cut.
  [[nodiscard]] std::string_view as_text() const;
};

class BsonReader {
 public:
  /// The document at the front of `bytes`, which may be cut.
  explicit BsonReader(Bytes bytes);

  /// False behind the last element, at the cut, and where no element can stand.
  bool next(BsonElement& element);
  /// What the document says of its length.
  [[nodiscard]] std::uint32_t declared() const { return declared_; }

 private:
  std::uint32_t declared_ = 0;
  Fields in_;
};

}  // namespace gala::l7_source
