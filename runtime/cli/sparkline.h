// A series as one line of text.
#pragma once

#include <span>
#include <string>

namespace gala {

/// One block character a value, from the least to the greatest; a value that is not a number is a
/// space. More values than `width` are joined, each group shown by its largest.
std::string sparkline(std::span<const double> values, std::size_t width);

/// A number with three significant digits and an SI prefix: "12.3 ms" for 0.0123 "s", "4.2 MB/s",
/// "97 %", "1.2 k" for a plain count (unit "1" or "").
std::string with_unit(double value, std::string_view unit);

}  // namespace gala
