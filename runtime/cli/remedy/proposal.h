// From the value that a setting has to the one that a remedy proposes.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace gala {

/// How a setting's text is to be read.
struct ValueShape {
  /// Which of its numbers a remedy changes: the first ("20000 100000" of cpu.max), the last
  /// ("4096 131072 6291456" of tcp_rmem), or each limit ("8:0 rbps=max wbps=1048576" of io.max).
  enum class Numbers { first, last, every };
  Numbers numbers = Numbers::last;
  /// What one stands for: cpu.max counts microseconds in a period, remedies count CPUs.
  double unit = 1;
};

/// "at_least:<number>", "at_most:<number>", "times:<factor>", "add:<number>" (the last three in the
/// remedy's unit; never beyond `most`, 0 = no bound) or "set:<text>". Nothing when it is so
/// already, or when there is no limit to change.
std::optional<std::string> proposed_value(std::string_view now, std::string_view propose,
                                          double most, const ValueShape& shape);

}  // namespace gala
