// A series as one line of text.
#pragma once

#include <span>
#include <string>

namespace gala {

/// One block character a value, from the least to the greatest; a value that is not a number is a
/// space. More values than `width` are joined, each group shown by its largest.
std::string sparkline(std::span<const double> values, std::size_t width);

}  // namespace gala
