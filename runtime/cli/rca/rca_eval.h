// `gala eval rca`: explains every case of a folder and writes the answers.
#pragma once

#include <string>

#include "runtime/core/result.h"

namespace gala {

struct RcaEvalOptions {
  /// Folder with one folder for each case.
  std::string in;
  /// File to write: case,rank,entity,metric,score.
  std::string out;
  /// What names of metrics mean; "" = the shipped file.
  std::string kinds;
};

/// Counts of what was done.
struct RcaEvalDone {
  std::size_t cases = 0;
  std::size_t without_cause = 0;
  double seconds = 0;
};

/// Reads, explains and writes. A case that cannot be read is an error that names the file.
Result<RcaEvalDone> evaluate_rca(const RcaEvalOptions& options, const std::string& share_directory);

}  // namespace gala
