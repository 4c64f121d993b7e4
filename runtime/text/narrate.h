// Events, incidents and diagnoses as lines for people, from their JSON (runtime/text/json.h):
// terminal of file-sink, `gala events`, `gala diagnoses`.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace gala {

enum class Language : std::uint8_t { english, chinese };

/// One line without its newline: time, state, severity, sentence, entity. Nothing for what is no
/// event.
std::optional<std::string> narrate_event(std::string_view json, Language language);

/// A small block: what bent, when, the sentence, each cause with score, path and first evidence.
std::optional<std::string> narrate_diagnosis(std::string_view json, Language language);

/// One line: time, state, severity, its best sentence, how many events of how many entities. With
/// `listed` also a line for each event with the reason why it was folded.
std::optional<std::string> narrate_incident(std::string_view json, Language language,
                                            bool listed = false);

}  // namespace gala
