// Any message as JSON, by its reflection schema (.bfbs): also one of a newer version than this
// program.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/core/result.h"

namespace gala {

/// The installed reflection schemas, by message type ("event", "observations", …).
class Reflection {
 public:
  /// Reads <directory>/*.bfbs; a file that is no reflection schema is an error. These files are
  /// ours and trusted; payloads are not.
  static Result<Reflection> load(const std::string& directory);

  /// One JSON object on one line. Verifies the payload first, so any bytes may be given; they must
  /// be aligned to 8. Enumerations appear as words, absent fields not at all, numbers that are none
  /// as null. Columns become "rows": one object for each row, histograms as count, sum, max and the
  /// buckets that are not empty.
  [[nodiscard]] Result<std::string> to_json(std::string_view type,
                                            std::span<const std::uint8_t> payload) const;

  [[nodiscard]] std::vector<std::string> types() const;

 private:
  std::map<std::string, std::string, std::less<>> schemas_;
};

}  // namespace gala
