// Texts that others control (names of processes, labels, sentences made of them), as they may
// stand on somebody's terminal.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace gala {

/// One line that cannot steer a terminal: control characters become their pictures (ESC "␛", line
/// feed "␊"), those above ASCII, marks that turn the writing direction, and bytes that are no UTF-8
/// become "�". Everything else stays. For a field, not for a block: it has no line breaks left.
std::string printable(std::string_view text);

/// A line of JSON with the same meaning, whose characters above ASCII cannot steer a terminal:
/// those become \uXXXX. JSON itself escapes the others.
std::string printable_json(std::string_view json);

/// Columns on a terminal: 2 for East Asian wide characters and emoji, 0 for marks that combine.
std::size_t display_width(std::string_view text);

/// The whole text, or as much of it as fits into `columns` together with a final "…". Never cuts
/// inside a character.
std::string cut_to_width(std::string_view text, std::size_t columns);

/// Cut to, or filled with spaces up to, exactly so many columns.
std::string fit_to_width(std::string_view text, std::size_t columns);

}  // namespace gala
