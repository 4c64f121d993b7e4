// Plays a case through topology and infer in virtual time.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "runtime/model.h"
#include "schemas/wire/diagnosis_generated.h"
#include "tests/cases/case_file.h"

namespace gala::cases {

/// A diagnosis and the window after which it was said.
struct Said {
  std::size_t window = 0;
  wire::DiagnosisT diagnosis;
};

struct Outcome {
  std::vector<Said> said;
  /// All payloads one after the other, to compare runs.
  std::vector<std::uint8_t> bytes;
  /// Entity id → name in the case.
  std::map<std::string, std::string> name_of;
};

Outcome play(const CaseFile& file, const Model& model);

}  // namespace gala::cases
