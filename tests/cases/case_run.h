// Plays a case through topology and infer in virtual time.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "runtime/core/wire.h"
#include "runtime/model/model.h"
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

/// Hears every message that infer is given.
using Tape = std::function<void(wire::MessageType type, std::span<const std::uint8_t> payload,
                                Instant sent)>;

Outcome play(const CaseFile& file, const Model& model, const Tape& tape = {});

}  // namespace gala::cases
