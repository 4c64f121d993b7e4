// What a stage's program reads before its stage exists, live and in its offline modes.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "runtime/core/diagnostics.h"
#include "runtime/core/graph.h"
#include "runtime/core/stage.h"
#include "runtime/core/stage_options.h"
#include "runtime/model/model.h"

namespace gala {

struct StageSetup {
  /// What places in `diagnostics` refer to.
  std::vector<SourceText> sources;
  Diagnostics diagnostics;
  /// With the pipeline's [override].
  Model model;
  /// Nothing when it could not be read; `diagnostics` says why.
  std::optional<Pipeline> pipeline;
  /// The stage's section, in `pipeline`; nullptr as above.
  const StageNode* node = nullptr;
};

/// Reads pipeline and model. The stage is `options.stage`, or, when that is empty, the only one of
/// the pipeline that runs `program`, a name of a stage's folder.
StageSetup read_setup(const StageOptions& options, std::string_view program);

/// Around a stage that is made from `setup`, which must outlive it.
StageContext context_of(const StageOptions& options, const StageSetup& setup);

}  // namespace gala
