// A single request of a diagnosis in words.
#pragma once

#include <string>

#include "runtime/text/narrate.h"
#include "schemas/wire/diagnosis_generated.h"

namespace gala {

/// "GET /pay failed with 500 after 12 ms, peer 10.0.0.7 (trace 4bf9…)". The names in it are
/// others': for a terminal it goes through printable().
std::string sample_sentence(const wire::RequestSample& sample, Language language);

}  // namespace gala
